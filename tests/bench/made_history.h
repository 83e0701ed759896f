// Entries like those of public logs, made up: heavy-tailed names per domain,
// some 2,000 issuers, three names and 2.5 log entries for each certificate on
// average.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "sql/history.h"

namespace ct::bench {

class MadeHistory {
 public:
  static constexpr unsigned kIssuers = 2'000, kLogs = 5;
  static constexpr Seconds kStart = 1'717'200'000;  // 2024-06-01
  static constexpr Seconds kDay = 86'400;

  // `certificates` decides how many domains there are, about one for every
  // three.
  explicit MadeHistory(std::uint64_t certificates, std::uint64_t seed = 1)
      : domains_(certificates / 3 + 1), random_(seed) {
    for (unsigned i = 0; i < kIssuers; ++i) {
      issuers_.push_back("CN=" + word(9) + " TLS CA " + std::to_string(i) +
                         ",O=" + word(12) + ",C=US");
    }
  }

  // The entries of the next certificate, which has several in as many logs.
  [[nodiscard]] std::vector<sql::HistoryEntry> next() {
    sql::HistoryEntry e = certificate();
    const std::uint64_t sightings = 2 + below(2);
    std::vector<sql::HistoryEntry> out;
    const auto first = static_cast<unsigned>(below(kLogs));
    for (unsigned i = 0; i < sightings; ++i) {
      const unsigned log = (first + i) % kLogs;
      const bool final = i == 2;
      e.log_id = hash("log", log);
      e.leaf_index = 400'000'000 + next_index_[log]++;
      e.timestamp += static_cast<Millis>(below(5'000));
      e.type = final ? ctlog::EntryType::kX509 : ctlog::EntryType::kPrecert;
      e.sha256 = hash(final ? "final" : "precert", count_);
      if (final) e.issuer_spki_sha256.reset();
      out.push_back(e);
    }
    return out;
  }

  // As many entries as asked for, or a few more, in the order in which logs
  // that are read in turns give them.
  [[nodiscard]] std::vector<std::vector<sql::HistoryEntry>> batches(
      std::uint64_t entries, std::size_t batch_size) {
    std::vector<std::vector<sql::HistoryEntry>> logs(kLogs), out;
    std::uint64_t made = 0;
    const auto flush = [&](std::vector<sql::HistoryEntry>& log) {
      if (!log.empty()) out.push_back(std::exchange(log, {}));
    };
    while (made < entries) {
      for (auto& e : next()) {
        auto& log = logs[e.log_id[0] % kLogs];
        log.push_back(std::move(e));
        ++made;
        if (log.size() == batch_size) flush(log);
      }
    }
    for (auto& log : logs) flush(log);
    return out;
  }

 private:
  [[nodiscard]] std::uint64_t below(std::uint64_t n) { return random_() % n; }
  [[nodiscard]] double unit() {
    return std::uniform_real_distribution<double>(0, 1)(random_);
  }

  [[nodiscard]] std::string word(std::size_t letters) {
    std::string out;
    for (std::size_t i = 0; i < letters; ++i) {
      out += static_cast<char>('a' + below(26));
    }
    return out;
  }

  [[nodiscard]] static Hash hash(const char* what, std::uint64_t n) {
    const std::string text = what + std::to_string(n);
    Hash h = sha256(as_bytes(text));
    if (what == std::string_view("log")) {
      h[0] = static_cast<std::uint8_t>(n);
    }
    return h;
  }

  // Always the same for the same rank: "kxwtnfeqaz.com".
  [[nodiscard]] static std::string domain(std::uint64_t rank) {
    constexpr const char* kTlds[] = {"com", "com", "com",   "com", "net",
                                     "org", "de",  "co.uk", "io",  "com.br"};
    std::mt19937_64 random(rank);
    const std::size_t letters = 5 + random() % 6 + random() % 7;
    std::string out;
    for (std::size_t i = 0; i < letters; ++i) {
      out += static_cast<char>('a' + random() % 26);
    }
    return out + "." + kTlds[random() % std::size(kTlds)];
  }
  // Pareto: few domains have very many certificates.
  [[nodiscard]] std::uint64_t rank() {
    const double u = std::max(unit(), 1e-9);
    return static_cast<std::uint64_t>(static_cast<double>(domains_) *
                                      std::pow(unit(), 1.0 / (0.1 + u)));
  }

  [[nodiscard]] std::vector<std::string> names() {
    constexpr const char* kHosts[] = {"www",  "mail",    "api", "autodiscover",
                                      "dev",  "webmail", "cdn", "cpanel",
                                      "shop", "staging", "app", "webdisk"};
    std::vector<std::string> out;
    const std::string base = domain(rank());
    const double shape = unit();
    if (shape < 0.30) {
      out = {below(3) == 0 ? base : word(3 + below(8)) + "." + base};
    } else if (shape < 0.45) {
      out = {"*." + base, base};
    } else if (shape < 0.75) {
      out = {base, "www." + base};
    } else {
      out = {base};
      for (auto n = 2 + below(8); n-- > 0;) {
        const std::string name =
            kHosts[below(std::size(kHosts))] + ("." + base);
        if (std::find(out.begin(), out.end(), name) == out.end()) {
          out.push_back(name);
        }
      }
    }
    if (unit() < 0.05) {  // several customers in one certificate
      for (auto n = 1 + below(8); n-- > 0;) {
        out.push_back(domain(rank()));
        out.push_back("*." + out.back());
      }
    }
    return out;
  }

  [[nodiscard]] sql::HistoryEntry certificate() {
    ++count_;
    sql::HistoryEntry e;
    e.tbs_sha256 = hash("tbs", count_);
    e.spki_sha256 = hash("spki", count_);
    const auto issuer = static_cast<std::uint64_t>(
        kIssuers * std::pow(unit(), 6));  // a handful issue most
    e.issuer = issuers_[issuer];
    e.issuer_spki_sha256 = hash("issuer", issuer);
    Bytes serial;
    for (std::uint64_t n = 16 + 2 * below(2); n-- > 0;) {
      serial.push_back(static_cast<std::uint8_t>(below(256)));
    }
    e.serial = to_hex(serial);
    if (below(12) == 0) e.organization = word(4) + " " + word(8) + " Ltd";
    e.not_before = kStart + static_cast<Seconds>(below(270 * kDay));
    e.not_after = e.not_before + (below(8) == 0 ? 364 : 90) * kDay - 1;
    e.timestamp = (e.not_before + 3'600) * 1'000;
    e.names = names();
    return e;
  }

  std::uint64_t domains_;
  std::mt19937_64 random_;
  std::vector<std::string> issuers_;
  std::uint64_t next_index_[kLogs] = {};
  std::uint64_t count_ = 0;
};

}  // namespace ct::bench
