#include "broker/disk/disk.h"

namespace quokka {

Result<std::optional<std::string>> Disk::read_file(const std::string& path, int64_t bytes_max) {
  auto present = exists(path);
  if (!present) return present.error();
  if (!*present) return std::optional<std::string>();
  auto file = open(path, Open::read);
  if (!file) return file.error();
  auto size = (*file)->size();
  if (!size) return size.error();
  if (*size > bytes_max)
    return Error{ErrorCode::KAFKA_STORAGE_ERROR, path + " has " + std::to_string(*size) + " bytes, above the limit of " + std::to_string(bytes_max)};
  std::string content(static_cast<size_t>(*size), '\0');
  auto read = (*file)->read_at({reinterpret_cast<uint8_t*>(content.data()), content.size()}, 0);
  if (!read) return read.error();
  content.resize(*read);
  return std::optional(std::move(content));
}

Status Disk::replace_file(const std::string& path, Bytes content) {
  const std::string temporary = path + ".tmp";
  {
    auto file = open(temporary, Open::create_empty);
    if (!file) return file.error();
    if (auto status = (*file)->write_at(content, 0); !status) return status;
    if (auto status = (*file)->sync(); !status) return status;
  }
  if (auto status = rename(temporary, path); !status) return status;
  return sync_directory(parent_directory(path));
}

std::string parent_directory(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace quokka
