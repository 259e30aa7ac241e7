// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <ashlar/ashlar.hpp>
#include <ashlar/linux_backend/mapped_access.hpp>
#include <ashlar/remote.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "remote/three_servers/process.hpp"

namespace three_servers {

using memory = ashlar::physical_memory<ashlar::zone<ashlar::counted<ashlar::radix_buddy<ashlar::platform>>>>;
using window = ashlar::identity_window<>;

/// Words of a file that two map are scratchpads.
using channel_type = ashlar::scratchpad_words<mapped_memory>;

/// A server's link to one of its peers: hand-shake, the peer's memory mapped, its donation as a zone.
class link_to_peer {
 public:
    link_to_peer(process& who, std::uint32_t peer, ashlar::node_id node, mapped_memory& own, memory& ram,
                 mapped_memory& shared)
        : who_(&who),
          peer_(peer),
          node_(node),
          own_(&own),
          ram_(&ram),
          channel_(shared, hello_at(who.self, peer), hello_at(peer, who.self)),
          epoch_(who.start * 1000) {}

    [[nodiscard]] std::uint32_t peer() const { return peer_; }
    [[nodiscard]] ashlar::node_id node() const { return node_; }
    [[nodiscard]] bool is_up() const { return zone_.is_attached(); }
    [[nodiscard]] mapped_memory& through() { return through_; }
    [[nodiscard]] ashlar::remote_zone<memory, window>& zone() { return zone_; }

    /// One step towards a link, if there is none.
    void join() {
        if (is_up()) return;
        if (!who_->is_alive(peer_)) return shake_.reset();
        if (!shake_) {
            // Each time another epoch: a peer that died leaves its words, which say whom it had heard.
            ++epoch_;
            own_->write64(canary_at(peer_), ashlar::canary_of(epoch_));
            own_->store_fence();
            shake_.emplace(channel_,
                           ashlar::hello{epoch_, 0, donated(who_->self, peer_), {canary_at(peer_)}});
        }
        who_->step();
        if (shake_->step() != ashlar::errc::ok) return;
        const ashlar::hello said = shake_->peer_hello();
        shake_.reset();
        who_->must(said.offered == donated(peer_, who_->self), "the peer offers what is agreed");
        said_ = said;
        attach();
    }
    void give_up() { shake_.reset(); }

    /// `revoked` if what was read through it before is not to be believed.
    [[nodiscard]] ashlar::errc check() { return link_.check(handle_, through_.read64(said_.canary.value)); }
    /// A word of the peer. `revoked` if it is not there any more, as it was.
    [[nodiscard]] ashlar::result<std::uint64_t> load(std::uint64_t at) {
        const ashlar::result<std::uint64_t> found = through_.load<std::uint64_t>(at);
        if (const ashlar::errc answer = check(); answer != ashlar::errc::ok) return answer;
        who_->must(found.has_value(), "a word of a peer that is there can be read");
        return found;
    }
    /// Whether the peer's heart has stood still for long, and it is dead. (Silence alone proves nothing.)
    [[nodiscard]] bool has_died() {
        const std::uint64_t now = who_->shared.of[peer_].heartbeat.load(std::memory_order_relaxed);
        silence_ = now == heard_ ? silence_ + 1 : 0;
        heard_ = now;
        if (silence_ < 16) return false;
        silence_ = 0;
        if (!who_->is_alive(peer_)) return true;
        ++who_->shared.of[who_->self].told.suspicions;
        return false;
    }
    /// The word at a guest's page that is at home there, by the peer's table.
    void read_guest(std::uint64_t number) {
        using access_type = ashlar::mapped_access<ashlar::shared_file>;
        using space_type = ashlar::remote_space<ashlar::flat_p2m<>, window, access_type>;
        const ashlar::mapped_peer<ashlar::shared_file> mapped[] = {
            {peer_, &through_, said_.canary.value, said_.epoch}};
        access_type access(mapped);
        const ashlar::byte_range<ashlar::peer> declared[] = {{{0}, memory_bytes}};
        const ashlar::memory_home homes[] = {{{{guest_first}, table_pages * page}, peer_}};
        ashlar::distribution_map<ashlar::memory_home> map;
        who_->must(map.attach(homes), "a map of a guest's memory");
        const ashlar::remote_server<window> seen[] = {
            {peer_, {{table_at}, {guest_first / page}, table_pages}, declared, &*windows_, nullptr}};
        const space_type space(who_->self, map, {}, seen, access);
        ashlar::scatter_piece pieces[1];
        window::pin_type pins[1];
        space_type::list_type list(pieces, pins);
        const ashlar::errc answer = space.resolve({guest_first + number * page}, 8, list);
        who_->step();
        if (answer == ashlar::errc::ok) {
            const auto found = load(list.pieces()[0].home.value);
            if (!found) return;
            who_->must(*found == guest_word(peer_, number), "a guest's word is there");
            ++who_->shared.of[who_->self].told.resolved;
        } else {
            who_->must(check() == ashlar::errc::revoked,
                       "a guest's page can be found while the peer is there");
        }
    }

    /// The peer is gone: its zone is revoked, with a report.
    [[nodiscard]] ashlar::remote_loss lose() {
        link_.lower();
        windows_->link_lost();
        ashlar::remote_loss loss;
        who_->must(zone_.check(loss) == ashlar::errc::revoked, "a zone goes with its link");
        who_->must(loss.frames == zone_.frames() && loss.free + loss.held == donated_frames,
                   "all of its frames are told");
        return loss;
    }
    /// Nobody has a frame of it: it is taken away.
    [[nodiscard]] ashlar::errc detach() {
        const ashlar::errc answer = zone_.detach();
        if (answer != ashlar::errc::ok) return answer;
        who_->shared.of[who_->self].joined[peer_].store(0);
        windows_.reset();
        through_.unmap();
        return answer;
    }

 private:
    void attach() {
        link_.lower();
        const auto raised = link_.raise(said_.epoch);
        who_->must(raised.has_value(), "the link comes up");
        handle_ = *raised;
        if (who_->map(peer_, through_) != ashlar::errc::ok) return;  // dead by now, and its memory gone
        if (check() != ashlar::errc::ok) return through_.unmap();
        windows_.emplace(ashlar::byte_range<ashlar::peer>{{0}, memory_bytes}, through_.local());
        const std::uint64_t first = said_.offered.first.value;
        metadata_.resize(zone_.metadata_bytes({through_.local(first).frame_of(12), donated_frames}));
        who_->must(zone_.attach(*ram_, *windows_, said_.offered, node_, {metadata_.data(), metadata_.size()}),
                   "a donation is a zone");
        who_->shared.of[who_->self].joined[peer_].store(said_.epoch / 1000);
    }

    process* who_;
    std::uint32_t peer_;
    ashlar::node_id node_;
    mapped_memory* own_;
    memory* ram_;
    channel_type channel_;
    std::uint32_t epoch_;
    std::optional<ashlar::hand_shake<channel_type>> shake_{};
    ashlar::hello said_{};
    ashlar::link_guard<>::word link_words_[ashlar::link_guard<>::words]{};
    ashlar::link_guard<> link_{link_words_};
    std::uint32_t handle_ = 0;
    mapped_memory through_{};
    std::optional<window> windows_{};
    ashlar::remote_zone<memory, window> zone_{};
    std::vector<std::byte> metadata_{};
    std::uint64_t heard_ = 0;
    unsigned silence_ = 0;
};

}  // namespace three_servers
