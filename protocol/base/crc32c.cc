#include "protocol/base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <limits>

namespace quokka {

uint32_t crc32c(Bytes bytes) { return crc32c_extend(0, bytes); }

uint32_t crc32c_extend(uint32_t crc, Bytes bytes) {
  // crc32_iscsi takes an int length, does not invert and does not write, though its argument is not const.
  uint32_t state = ~crc;
  while (!bytes.empty()) {
    const size_t part = std::min<size_t>(bytes.size(), size_t{1} << 30);
    state = crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(part), state);
    bytes = bytes.subspan(part);
  }
  return ~state;
}

}  // namespace quokka
