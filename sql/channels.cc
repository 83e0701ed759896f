#include "base/hex.h"
#include "base/sha256.h"
#include "sql/alerts.h"
#include "sql/outbox.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

using alerts::Channel;

Channel read_channel(const Row& row) {
  const auto type = alerts::parse_channel_type(row.text("type"));
  const auto severity = alerts::parse_severity(row.text("min_severity"));
  if (!type || !severity) {
    throw SqlError{{Errc::kInternal,
                    "channel " + row.text("name") + " is of an unknown type"},
                   ""};
  }
  Channel c;
  c.id = row.text("id");
  c.name = row.text("name");
  c.type = *type;
  c.target = row.text("target");
  c.secret = row.text("secret");
  c.arguments = row.texts("arguments");
  c.from = row.text("from_address");
  c.ca_file = row.text("ca_file");
  c.allow_plain = row.boolean("allow_plain");
  c.allowed_private_hosts = row.texts("allowed_private_hosts");
  c.tags = row.texts("tags");
  c.min_severity = *severity;
  c.enabled = row.boolean("enabled");
  return c;
}

Error name_taken(const Channel& channel) {
  return {Errc::kUsage, "there is a channel " + channel.name +
                            " already: choose another name, or remove it "
                            "first"};
}

}  // namespace

std::vector<Channel> read_channels(Tx& tx) {
  std::vector<Channel> channels;
  for (const Row row :
       tx.exec("SELECT id, name, type, target, secret, arguments, "
               "from_address, ca_file, allow_plain, allowed_private_hosts, "
               "tags, min_severity, enabled FROM channel ORDER BY name")) {
    channels.push_back(read_channel(row));
  }
  return channels;
}

Result<std::vector<Channel>> load_channels(Database& db) {
  std::vector<Channel> channels;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    channels = read_channels(tx);
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return channels;
}

Result<std::string> add_channel(Database& db, const Channel& channel) {
  if (channel.name.empty() || channel.name.size() > 200) {
    return fail(Errc::kUsage, "a channel's name has 1 to 200 characters");
  }
  std::string id;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    // Not the name alone: a channel removed and added anew is another one,
    // whose messages are others.
    id =
        channel.id.empty()
            ? tx.exec("SELECT md5(gen_random_uuid()::text) AS id")[0].text("id")
            : channel.id;
    const Rows added = tx.exec(
        "INSERT INTO channel (id, name, type, target, secret, arguments, "
        "from_address, ca_file, allow_plain, allowed_private_hosts, tags, "
        "min_severity, enabled) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
        "$10, $11, $12, $13) ON CONFLICT (name) DO NOTHING",
        {id, channel.name, to_string(channel.type), channel.target,
         channel.secret, channel.arguments, channel.from, channel.ca_file,
         channel.allow_plain, channel.allowed_private_hosts, channel.tags,
         to_string(channel.min_severity), channel.enabled});
    if (added.affected() == 0) return tl::unexpected(name_taken(channel));
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return id;
}

Result<bool> remove_channel(Database& db, std::string_view name) {
  bool removed = false;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    const Rows rows =
        tx.exec("DELETE FROM channel WHERE name = $1 RETURNING id", {name});
    removed = !rows.empty();
    if (removed) {
      tx.exec("DELETE FROM delivery WHERE channel_id = $1",
              {rows[0].text("id")});
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return removed;
}

Result<void> set_channel_enabled(Database& db, std::string_view name,
                                 bool enabled, std::string_view why) {
  return db.transact([&](Tx& tx) -> Result<void> {
    if (tx.exec("UPDATE channel SET enabled = $2, enabled_why = $3, "
                "updated_at = now() WHERE name = $1",
                {name, enabled, why})
            .affected() == 1) {
      return {};
    }
    return fail(Errc::kUsage, "there is no channel " + std::string(name));
  });
}

}  // namespace ct::sql
