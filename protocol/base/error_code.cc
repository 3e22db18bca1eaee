#include "protocol/base/error_code.h"

namespace quokka {

std::string_view name(ErrorCode code) {
  switch (code) {
#define X(name, code, retriable, invalidates) \
  case ErrorCode::name: return #name;
    QUOKKA_ERROR_CODES(X)
#undef X
  }
  return "UNKNOWN_ERROR_CODE";
}

bool is_retriable(ErrorCode code) {
  switch (code) {
#define X(name, code, retriable, invalidates) \
  case ErrorCode::name: return retriable;
    QUOKKA_ERROR_CODES(X)
#undef X
  }
  return false;
}

bool invalidates_metadata(ErrorCode code) {
  switch (code) {
#define X(name, code, retriable, invalidates) \
  case ErrorCode::name: return invalidates;
    QUOKKA_ERROR_CODES(X)
#undef X
  }
  return false;
}

}  // namespace quokka
