// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <sched.h>

#include <ashlar/testing/random_bits.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "remote/three_servers/link.hpp"

namespace three_servers {

/// A server: it has memory, allocates from it and from what its peers donate, and writes to each frame whose
/// it is; until all is wound up. Peers may go at any moment.
class server {
 public:
    explicit server(process& who)
        : who_(who),
          random_(who.seed * 8 + who.self + 64 * std::uint64_t{who.start}),
          links_{{who, peer_of(who.self, 0), 1, own_, ram_, shared_},
                 {who, peer_of(who.self, 1), 2, own_, ram_, shared_}} {}

    void run() {
        boot();
        for (std::uint64_t round = 0;; ++round) {
            const bool is_winding_up = who_.is_winding_up();
            for (link_to_peer& link : links_) {
                is_winding_up ? link.give_up() : link.join();
                if (!link.is_up()) continue;
                const bool is_gone = (round % 4 == 0 && link.check() != ashlar::errc::ok) ||
                                     (round % 16 == 0 && link.has_died());
                if (is_gone) lose(link);
                if (link.is_up() && random_() % 4 == 0) link.read_guest(random_() % table_pages);
            }
            if (is_winding_up ? wind_up() : use()) break;
            if (round % 8 == 0) (void)sched_yield();
        }
        account();
    }

 private:
    struct block {
        ashlar::frame<> first;
        unsigned order;
        std::uint32_t home;
        std::uint32_t serial;
    };

    /// No peer may read of a former start what it reads now: first all canaries go.
    void boot() {
        who_.must(who_.map(servers, shared_), "there is a page that all share");
        who_.must(who_.map(who_.self, own_), "it has memory");
        for (std::uint32_t i = 0; i < servers; ++i) own_.write64(canary_at(i), 0);
        own_.store_fence();
        for (std::uint64_t i = 0; i < table_pages; ++i) {
            who_.step();
            const std::uint64_t frame = 4 + i * 5 % table_pages;  // none behind its neighbour
            own_.write64(table_at + 8 * i, frame);
            own_.write64(frame * page, guest_word(who_.self, i));
        }
        const std::uint64_t first = own_.local(own_at).value;
        ashlar::memory_entry entries[4];
        ashlar::memory_map firmware{entries};
        who_.must(firmware.add(first, first + own_frames * page, ashlar::memory_kind::usable), "a map");
        ashlar::topology nodes;
        who_.must(nodes.add_processor(0) && nodes.add(1) && nodes.add(2), "three nodes");
        who_.must(nodes.set_distance(0, 1, 40), "a peer is far");
        who_.must(nodes.set_distance(0, 2, 60), "the other one farther");
        metadata_.resize(memory::metadata_bytes(firmware, nodes));
        who_.must(ram_.boot(firmware, nodes, {metadata_.data(), metadata_.size()}), "it boots");
        who_.must(ram_.free_frames() == own_frames, "with all its frames");
    }

    [[nodiscard]] report& told() { return who_.shared.of[who_.self].told; }
    [[nodiscard]] link_to_peer* link_of(std::uint32_t home) {
        for (link_to_peer& link : links_)
            if (link.peer() == home) return &link;
        return nullptr;
    }
    /// Of a frame, in the memory of its home.
    [[nodiscard]] std::uint64_t place_of(const block& of, std::uint64_t which) {
        if (link_to_peer* const link = link_of(of.home)) return link->zone().to_peer(of.first + which)->value;
        return (of.first.number + which) * page - own_.local().value;
    }

    /// Something at random.
    [[nodiscard]] bool use() {
        who_.step();
        const std::uint64_t chance = random_() % 8;
        if (held_.size() > 170 || (chance < 3 && !held_.empty())) {
            release(static_cast<std::size_t>(random_() % held_.size()));
        } else if (chance == 3 && !held_.empty()) {
            (void)verify(held_[static_cast<std::size_t>(random_() % held_.size())]);
        } else {
            take();
        }
        return false;
    }
    void take() {
        ashlar::request<> wanted{.order = static_cast<unsigned>(random_() % 8 == 0 ? random_() % 3 : 0)};
        const auto node = static_cast<ashlar::node_id>(random_() % 3);
        if (random_() % 2 == 0)
            wanted.nodes = ashlar::node_set::only(node);
        else
            wanted.node = node;
        const auto got = ram_.allocate(wanted);
        who_.step();
        if (!got) {
            who_.must(got.error() == ashlar::errc::exhausted, "memory ends only by being used up");
            if (!held_.empty()) release(static_cast<std::size_t>(random_() % held_.size()));
            return;
        }
        block made{*got, wanted.order, who_.self, ++serial_};
        for (link_to_peer& link : links_)
            if (link.is_up() && link.zone().frames().contains(*got)) made.home = link.peer();
        held_.push_back(made);
        ++told().allocated[made.home];
        for (std::uint64_t i = 0; i < std::uint64_t{1} << made.order; ++i) {
            const std::uint64_t place = place_of(made, i);
            for (const std::uint64_t offset : stamp::offsets) {
                const std::uint64_t word = stamp{who_.self, made.serial, place + offset}.word();
                who_.step();
                link_to_peer* const link = link_of(made.home);
                (link == nullptr ? own_ : link->through()).write64(place + offset, word);
            }
        }
    }
    /// False if its home was lost, and it with it.
    [[nodiscard]] bool verify(const block& one) {
        const std::uint32_t home = one.home;
        link_to_peer* const link = link_of(home);
        for (std::uint64_t i = 0; i < std::uint64_t{1} << one.order; ++i) {
            const std::uint64_t place = place_of(one, i);
            for (const std::uint64_t offset : stamp::offsets) {
                who_.step();
                const auto found =
                    link == nullptr ? own_.load<std::uint64_t>(place + offset) : link->load(place + offset);
                if (!found) {
                    who_.must(link != nullptr, "its own memory can be read");
                    lose(*link);
                    return false;
                }
                who_.must(*found == stamp{who_.self, one.serial, place + offset}.word(),
                          "memory has what was written to it");
                ++told().stamps;
            }
        }
        return true;
    }
    void release(std::size_t which) {
        if (!verify(held_[which])) return;
        const block one = held_[which];
        held_[which] = held_.back();
        held_.pop_back();
        who_.must(ram_.free(one.first, one.order), "a block is freed");
    }

    void lose(link_to_peer& link) {
        const ashlar::remote_loss loss = link.lose();
        std::uint64_t held = 0;
        for (std::size_t i = 0; i < held_.size();) {
            if (held_[i].home != link.peer()) {
                ++i;
                continue;
            }
            held += std::uint64_t{1} << held_[i].order;
            who_.must(ram_.free(held_[i].first, held_[i].order) == ashlar::errc::revoked,
                      "who frees what is lost is told");
            held_[i] = held_.back();
            held_.pop_back();
        }
        who_.must(held == loss.held, "what was in use is told");
        told().lost_held += loss.held;
        told().lost_free += loss.free;
        who_.must(link.detach(), "what is lost is taken away");
        who_.must(ram_.validate(), "all else is in order");
        take_back(link.peer());
        who_.shared.of[who_.self].losses[link.peer()].fetch_add(1);
    }
    /// What was donated to a peer that is gone has its stamps, or nothing.
    void take_back(std::uint32_t peer) {
        const ashlar::byte_range<ashlar::peer> range = donated(who_.self, peer);
        for (std::uint64_t at = range.first.value; at < range.end().value; at += 8) {
            const std::uint64_t found = own_.read64(at);
            who_.must(found == 0 || stamp::is_of(found, peer, at), "only the peer has used what was donated");
        }
        std::memset(own_.bytes().data() + range.first.value, 0, static_cast<std::size_t>(range.bytes));
    }

    /// One step of giving everything back; true when the others have, too.
    [[nodiscard]] bool wind_up() {
        who_.step();
        if (!held_.empty()) {
            release(held_.size() - 1);
            return false;
        }
        bool all = true;
        for (link_to_peer& link : links_) {
            if (link.is_up()) who_.must(link.detach(), "a donation is given back");
            who_.shared.of[who_.self].is_done[link.peer()].store(1);
            all = all &&
                  (who_.shared.of[link.peer()].is_done[who_.self].load() != 0 || !who_.is_alive(link.peer()));
        }
        return all;
    }
    /// All frames are there: its own, and what it had donated.
    void account() {
        std::vector<std::byte> more[2];
        for (std::uint32_t i = 0; i < 2; ++i) {
            take_back(links_[i].peer());
            const ashlar::byte_range<ashlar::peer> range = donated(who_.self, links_[i].peer());
            const ashlar::range<> frames{own_.local(range.first.value).frame_of(12), donated_frames};
            more[i].resize(memory::metadata_words(frames));
            who_.must(ram_.attach(frames, {more[i].data(), more[i].size()}, ashlar::start::fresh),
                      "what was donated is memory of its own");
            who_.must(ram_.online(frames), "with all frames");
        }
        std::set<std::uint64_t> all;
        while (const auto got = ram_.allocate(0)) all.insert(got->number);
        who_.must(all.size() == own_frames + 2 * donated_frames, "each frame is there, once");
        const std::uint64_t first = own_.local(own_at).value / page;
        who_.must(*all.begin() == first && *all.rbegin() == first + all.size() - 1, "and no other one");
        for (const std::uint64_t number : all) who_.must(ram_.free({number}, 0), "each can be freed");
        who_.must(ram_.validate(), "all is in order");
        told().accounted = ram_.free_frames();
    }

    process& who_;
    ashlar::testing::random_bits random_;
    mapped_memory shared_{};
    mapped_memory own_{};
    memory ram_{};
    std::vector<std::byte> metadata_{};
    link_to_peer links_[2];
    std::vector<block> held_{};
    std::uint32_t serial_ = 0;
};

}  // namespace three_servers
