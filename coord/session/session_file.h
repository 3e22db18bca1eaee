// The file that keeps a session's id and password from one process to the next. Whoever reads it can act as the broker, so only its owner may.
// It names the place it was written at: a copy of the directory, restored elsewhere, must not end the session of the broker that still runs.
//
//   file := "version=2\n" "session_id=" hex{16} "\n" "password=" hex{32} "\n" "place=" host " " device ":" inode-of-the-directory "\n"
#pragma once

#include <optional>
#include <string>

#include "coord/session/zookeeper_handle.h"
#include "protocol/base/result.h"

namespace quokka {

// nullopt when there is none, it was written elsewhere or cannot be read: then there is nothing to resume. May block.
std::optional<SessionKey> read_session_file(const std::string& path);
// Replaces the file whole; mode 0600. May block.
Status write_session_file(const std::string& path, const SessionKey& key);
void remove_session_file(const std::string& path);

}  // namespace quokka
