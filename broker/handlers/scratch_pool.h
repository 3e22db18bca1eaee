// Memory for decompression, lent to whoever validates or converts a batch: as many pieces as there are loops at work at once.
#pragma once

#include <memory>
#include <vector>

#include "protocol/base/mutex.h"
#include "protocol/records/compression.h"

namespace quokka {

class ScratchPool {
 public:
  // Goes back when destroyed.
  class Loan {
   public:
    Loan(ScratchPool& pool, std::unique_ptr<DecompressionScratch> scratch) : pool_(pool), scratch_(std::move(scratch)) {}
    ~Loan() { pool_.give_back(std::move(scratch_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    DecompressionScratch& operator*() { return *scratch_; }

   private:
    ScratchPool& pool_;
    std::unique_ptr<DecompressionScratch> scratch_;
  };

  // Any thread.
  Loan lend() {
    std::unique_ptr<DecompressionScratch> scratch;
    {
      MutexLock lock(mutex_);
      if (!free_.empty()) {
        scratch = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (!scratch) scratch = std::make_unique<DecompressionScratch>();
    return Loan(*this, std::move(scratch));
  }

 private:
  void give_back(std::unique_ptr<DecompressionScratch> scratch) {
    MutexLock lock(mutex_);
    free_.push_back(std::move(scratch));
  }

  Mutex mutex_;
  std::vector<std::unique_ptr<DecompressionScratch>> free_ GUARDED_BY(mutex_);
};

}  // namespace quokka
