// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "lab/text/byte_stream.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "lab/failure.hpp"

namespace lab {
namespace {

constexpr std::string_view xz_magic{
    "\xfd"
    "7zXZ\0",
    6};

[[noreturn]] void fail(const std::string& path, int error) {
    throw failure(path + ": " + std::strerror(error));
}

}  // namespace

byte_stream::byte_stream(std::string path) : path_(std::move(path)) {
    descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail(path_, errno);
    char magic[xz_magic.size()];
    const ssize_t got = pread(descriptor_, magic, sizeof magic, 0);
    // A pipe cannot be looked at in advance: it is taken as it is.
    if (got < 0 && errno != ESPIPE) {
        const int error = errno;
        close(descriptor_);
        fail(path_, error);
    }
    if (got == static_cast<ssize_t>(xz_magic.size()) && std::string_view(magic, sizeof magic) == xz_magic) {
        unpack();
    }
}

byte_stream::~byte_stream() {
    close(descriptor_);
    if (unpacker_ > 0) waitpid(unpacker_, nullptr, 0);
}

void byte_stream::unpack() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail(path_, errno);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, descriptor_, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    char name[] = "xz";
    char mode[] = "-dcqq";
    char* const arguments[] = {name, mode, nullptr};
    const int error = posix_spawnp(&unpacker_, name, &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    close(std::exchange(descriptor_, ends[0]));
    if (error == 0) return;
    unpacker_ = -1;
    close(descriptor_);
    throw failure(path_ + ": it takes the program xz to unpack this file, and that does not start: " +
                  std::strerror(error));
}

void byte_stream::finish_unpacking() {
    if (unpacker_ < 0) return;
    int status = 0;
    waitpid(std::exchange(unpacker_, -1), &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        throw failure(path_ + ": xz cannot unpack it: the file is damaged or cut off");
    }
}

std::size_t byte_stream::read(char* buffer, std::size_t size) {
    std::size_t filled = 0;
    while (filled < size) {
        const ssize_t got = ::read(descriptor_, buffer + filled, size - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail(path_, errno);
        if (got == 0) {
            finish_unpacking();
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    return filled;
}

std::string read_file(const std::string& path, std::size_t limit) {
    constexpr std::size_t step = std::size_t{1} << 16;
    byte_stream stream(path);
    std::string content;
    for (std::size_t size = 0;;) {
        content.resize(size + step);
        const std::size_t got = stream.read(content.data() + size, step);
        size += got;
        if (got < step) {
            content.resize(size);
            return content;
        }
        if (size > limit) {
            throw failure(path + ": larger than " + std::to_string(limit >> 20) + " MiB, that is no table");
        }
    }
}

bool line_reader::refill() {
    constexpr std::size_t step = std::size_t{1} << 20;
    if (ended_) return false;
    buffer_.erase(0, begin_);
    begin_ = 0;
    const std::size_t kept = buffer_.size();
    buffer_.resize(kept + step);
    const std::size_t got = stream_.read(buffer_.data() + kept, step);
    buffer_.resize(kept + got);
    ended_ = got < step;
    return true;
}

bool line_reader::next(std::string_view& line) {
    std::size_t searched = begin_;
    for (;;) {
        const std::size_t end = buffer_.find('\n', searched);
        if (end != std::string::npos) {
            line = std::string_view(buffer_).substr(begin_, end - begin_);
            begin_ = end + 1;
            break;
        }
        searched = buffer_.size() - begin_;
        if (refill()) continue;
        if (begin_ == buffer_.size()) return false;
        line = std::string_view(buffer_).substr(begin_);
        begin_ = buffer_.size();
        break;
    }
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return true;
}

}  // namespace lab
