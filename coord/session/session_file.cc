#include "coord/session/session_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

namespace quokka {
namespace {

constexpr char kHex[] = "0123456789abcdef";

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += kHex[static_cast<uint8_t>(c) >> 4];
    text += kHex[static_cast<uint8_t>(c) & 15];
  }
  return text;
}

std::optional<std::string> unhex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const char* high = std::strchr(kHex, text[i]);
    const char* low = std::strchr(kHex, text[i + 1]);
    if (text[i] == '\0' || text[i + 1] == '\0' || high == nullptr || low == nullptr) return std::nullopt;
    bytes += static_cast<char>((high - kHex) * 16 + (low - kHex));
  }
  return bytes;
}

std::string id_bytes(int64_t id) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(static_cast<uint64_t>(id) >> shift);
  return bytes;
}

Error failed(const std::string& path, const char* what) {
  return Error{ErrorCode::KAFKA_STORAGE_ERROR, "cannot " + std::string(what) + " the ZooKeeper session file " + path + ": " + std::strerror(errno)};
}

// Of the file's directory on this host; "" if that cannot be found out.
std::string place_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct stat status {};
  char host[256] = "";
  if (::stat(directory.c_str(), &status) != 0 || ::gethostname(host, sizeof host - 1) != 0) return "";
  return std::string(host) + ' ' + std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

std::optional<SessionKey> read_session_file(const std::string& path) {
  std::ifstream file(path);
  std::string version;
  std::string id_line;
  std::string password_line;
  std::string place_line;
  if (!std::getline(file, version) || !std::getline(file, id_line) || !std::getline(file, password_line) || !std::getline(file, place_line))
    return std::nullopt;
  if (version != "version=2" || place_line != "place=" + place_of(path) || id_line.rfind("session_id=", 0) != 0 || password_line.rfind("password=", 0) != 0) return std::nullopt;
  const std::optional<std::string> id = unhex(std::string_view(id_line).substr(11));
  const std::optional<std::string> password = unhex(std::string_view(password_line).substr(9));
  SessionKey key;
  if (!id || id->size() != 8 || !password || password->size() != key.password.size()) return std::nullopt;
  uint64_t value = 0;
  for (const char c : *id) value = value << 8 | static_cast<uint8_t>(c);
  key.id = static_cast<int64_t>(value);
  std::memcpy(key.password.data(), password->data(), key.password.size());
  if (key.id == 0) return std::nullopt;
  return key;
}

Status write_session_file(const std::string& path, const SessionKey& key) {
  const std::string temporary = path + ".tmp";
  const std::string text = "version=2\nsession_id=" + hex(id_bytes(key.id)) + "\npassword=" + hex({key.password.data(), key.password.size()}) +
                           "\nplace=" + place_of(path) + "\n";
  ::unlink(temporary.c_str());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failed(temporary, "create");
  const bool written = write_all(fd, text);
  if (::close(fd) != 0 || !written) return failed(temporary, "write");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed(path, "rename");
  return {};
}

void remove_session_file(const std::string& path) { ::unlink(path.c_str()); }

}  // namespace quokka
