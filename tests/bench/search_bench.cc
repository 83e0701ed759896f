// Searches of a history that is there already, such as one filled by
// history_bench: search_bench DATABASE DOMAINS-FILE [COUNT]
//
// The file has a domain a line; those with up to 1,000 certificates are asked
// for one at a time, by one client and by eight, and all in one go. With COUNT
// the first so many are asked for once, by eight, and nothing before: for a
// server that has just been started, the page cache emptied.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <thread>

#include "sql/history_search.h"

namespace {

using namespace ct;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kAtOnce = 10'000, kOneByOne = 4'000;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin)
      .count();
}

struct Answer {
  double total = 0, first = 0;  // ms
  std::uint64_t certificates = 0;
};

std::unique_ptr<sql::Database> connect(const std::string& url) {
  auto db = sql::Database::connect(url);
  if (!db) throw std::runtime_error(db.error().what);
  return std::move(*db);
}

Answer ask(sql::Database& db, std::span<const sql::HistoryTerm> terms) {
  Answer answer;
  sql::HistoryQuery query;
  query.terms = terms;
  const auto begin = Clock::now();
  const auto done = sql::search_history(
      db, query, [&](std::size_t, const sql::HistoryCertificate&) {
        if (answer.certificates++ == 0) {
          answer.first = milliseconds_since(begin);
        }
        return true;
      });
  if (!done) throw std::runtime_error(done.error().what);
  answer.total = milliseconds_since(begin);
  return answer;
}

void print(const char* what, std::vector<Answer> answers) {
  std::ranges::sort(answers, {}, &Answer::total);
  const auto at = [&](double share) {
    return answers[static_cast<std::size_t>(
        share * static_cast<double>(answers.size() - 1))];
  };
  std::uint64_t certificates = 0;
  for (const auto& a : answers) certificates += a.certificates;
  fmt::print(
      "{:<28} {:>6} asked, {:>8} found: median {:.2f} ms, p99 {:.2f} ms, "
      "most {:.2f} ms\n",
      what, answers.size(), certificates, at(0.5).total, at(0.99).total,
      at(1).total);
}

std::vector<Answer> by_clients(const std::string& url, std::size_t clients,
                               const std::vector<sql::HistoryTerm>& terms,
                               bool cold = false) {
  std::vector<Answer> answers;
  std::mutex mutex;
  std::vector<std::jthread> threads;
  for (std::size_t client = 0; client < clients; ++client) {
    threads.emplace_back([&, client] {
      const auto db = connect(url);
      std::vector<Answer> own;
      // The first one plans.
      if (!cold) ask(*db, {&terms[0], 1});
      for (std::size_t i = client; i < terms.size(); i += clients) {
        own.push_back(ask(*db, {&terms[i], 1}));
      }
      const std::lock_guard lock(mutex);
      answers.insert(answers.end(), own.begin(), own.end());
    });
  }
  threads.clear();
  return answers;
}

void run(const std::string& url, const char* file, std::size_t cold) {
  std::vector<sql::HistoryTerm> terms;
  std::ifstream in(file);
  for (std::string line; terms.size() < kAtOnce && std::getline(in, line);) {
    terms.emplace_back().text = line;
  }
  if (cold > 0) {
    terms.resize(std::min(terms.size(), cold));
    print("eight clients, cold", by_clients(url, 8, terms, true));
    return;
  }
  const auto db = connect(url);
  std::vector<sql::HistoryTerm> few;
  std::optional<Answer> largest;
  const sql::HistoryTerm* largest_term = nullptr;
  for (const auto& term : terms) {
    if (few.size() == kOneByOne) break;
    const Answer a = ask(*db, {&term, 1});
    if (a.certificates <= 1'000) few.push_back(term);
    if (!largest || a.certificates > largest->certificates) {
      largest = a;
      largest_term = &term;
    }
  }
  print("one client", by_clients(url, 1, few));
  print("eight clients", by_clients(url, 8, few));
  const Answer again = ask(*db, {largest_term, 1});
  fmt::print("{:<28} {:>8} found: first after {:.2f} ms, all after {:.0f} ms\n",
             largest_term->text, again.certificates, again.first, again.total);
  const Answer all = ask(*db, terms);
  fmt::print(
      "{:<28} {:>6} asked, {:>8} found: first after {:.2f} ms, all "
      "after {:.0f} ms\n",
      "in one go", terms.size(), all.certificates, all.first, all.total);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    fmt::print(stderr, "usage: search_bench DATABASE DOMAINS-FILE [COUNT]\n");
    return 64;
  }
  try {
    run(argv[1], argv[2], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "search_bench: {}\n", e.what());
    return 1;
  }
}
