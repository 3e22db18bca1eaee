// The array type of messages: a view of elements that lie elsewhere, in an arena when decoded, in a vector of the sender's when encoded.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <type_traits>
#include <vector>

namespace quokka {

template <class T>
class Array {
 public:
  Array() = default;
  Array(T* data, size_t size) : data_(data), size_(size) {}
  // Borrows: the vector outlives the array and does not grow meanwhile.
  Array(std::vector<T>& from) : data_(from.data()), size_(from.size()) {}  // NOLINT: implicit by design
  Array(const std::vector<T>& from) : data_(const_cast<T*>(from.data())), size_(from.size()) {}  // NOLINT: encoding does not write
  Array(std::vector<T>&&) = delete;

  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) const { return data_[i]; }
  T& front() const { return data_[0]; }

  friend bool operator==(const Array& a, const Array& b) {
    if (a.size_ != b.size_) return false;
    for (size_t i = 0; i < a.size_; ++i) {
      if (!(a.data_[i] == b.data_[i])) return false;
    }
    return true;
  }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace quokka
