// A range of an open file, as a log read hands it to a connection that sends it without copying.
#pragma once

#include <cstdint>
#include <memory>

#include "broker/disk/file.h"

namespace quokka {

// Half open: bytes [position, position + length) of `file`, which stays open as long as the slice lives.
struct FileSlice {
  std::shared_ptr<const File> file;
  int64_t position = 0;
  int64_t length = 0;
};

}  // namespace quokka
