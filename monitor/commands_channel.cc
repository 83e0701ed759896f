// ctvigil channel
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "alerts/channel.h"
#include "base/hex.h"
#include "monitor/commands.h"
#include "monitor/terminal.h"
#include "monitor/version.h"
#include "sql/alerts.h"

namespace ct::monitor {
namespace {

using alerts::Channel;
using alerts::ChannelType;
using Json = nlohmann::ordered_json;

// ASCII: escape sequences in a receiver's words cannot reach the terminal.
std::string dump(const Json& json) {
  return json.dump(2, ' ', true, Json::error_handler_t::replace);
}

struct AddOptions {
  std::string type, name, target, url_file, password_file, secret_file;
  std::string from, ca_file, min_severity = "info";
  std::vector<std::string> to, arguments, tags, private_hosts;
  bool allow_plain = false;
};

// The first line of a file, "-" being standard input: a secret that must not
// stand in the process list.
Result<std::string> secret_from(const std::string& path) {
  constexpr std::size_t kMax = 8192;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      path == "-" ? stdin : std::fopen(path.c_str(), "r"),
      [](std::FILE* f) { return f == stdin ? 0 : std::fclose(f); });
  if (!file) return fail(Errc::kUsage, "cannot read " + path);
  std::string text(kMax, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  text.resize(std::min(text.size(), text.find_first_of("\r\n")));
  if (text.empty() || text.size() == kMax) {
    return fail(Errc::kUsage,
                path + ": expected one line with the secret in it");
  }
  return text;
}

Result<void> set_target(Channel& channel, const AddOptions& options) {
  channel.target = options.target;
  if (!options.url_file.empty()) {
    if (!options.target.empty()) {
      return fail(Errc::kUsage, "give either TARGET or --url-file, not both");
    }
    auto url = secret_from(options.url_file);
    if (!url) return tl::unexpected(url.error());
    channel.target = std::move(*url);
  }
  if (!options.password_file.empty()) {
    const auto password = secret_from(options.password_file);
    if (!password) return tl::unexpected(password.error());
    auto url = alerts::with_password(channel.target, *password);
    if (!url) return tl::unexpected(url.error());
    channel.target = std::move(*url);
  }
  return {};
}

Result<Channel> channel_from(const AddOptions& options) {
  Channel channel;
  channel.name = options.name;
  const auto type = alerts::parse_channel_type(options.type);
  const auto severity = alerts::parse_severity(options.min_severity);
  if (!type || !severity) return fail(Errc::kUsage, "unknown type or severity");
  channel.type = *type;
  channel.min_severity = *severity;
  if (const auto r = set_target(channel, options); !r) {
    return tl::unexpected(r.error());
  }
  channel.tags = options.tags;
  channel.allow_plain = options.allow_plain;
  channel.allowed_private_hosts = options.private_hosts;
  if (!options.ca_file.empty()) {
    // The monitor may run in another folder.
    std::error_code ignored;
    channel.ca_file =
        std::filesystem::absolute(options.ca_file, ignored).string();
  }
  if (channel.type == ChannelType::kEmail) {
    channel.arguments = options.to;
    channel.from = options.from;
    if (channel.from.empty() && !options.to.empty()) {
      channel.from =
          "ctvigil" + options.to[0].substr(std::min(options.to[0].size(),
                                                    options.to[0].rfind('@')));
    }
  } else if (channel.type == ChannelType::kProgram) {
    channel.arguments = options.arguments;
  } else if (channel.type == ChannelType::kWebhook) {
    if (options.secret_file.empty()) {
      channel.secret = alerts::new_webhook_secret();
    } else {
      auto secret = secret_from(options.secret_file);
      if (!secret) return tl::unexpected(secret.error());
      channel.secret = std::move(*secret);
    }
  }
  if (const auto r = alerts::check_channel(channel); !r) {
    return tl::unexpected(r.error());
  }
  return channel;
}

int add(Session& session, const AddOptions& options) {
  const auto channel = channel_from(options);
  if (!channel) return report(channel.error());
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto id = sql::add_channel(**db, *channel);
  if (!id) return report(id.error());
  const bool show_secret =
      channel->type == ChannelType::kWebhook && options.secret_file.empty();
  if (session.json) {
    Json out{{"id", *id},
             {"name", channel->name},
             {"type", to_string(channel->type)},
             {"target", alerts::describe_target(*channel)}};
    if (show_secret) out["secret"] = channel->secret;
    fmt::print("{}\n", dump(out));
    return kExitOk;
  }
  fmt::print("Channel {} added: {} {}\n", channel->name,
             to_string(channel->type), alerts::describe_target(*channel));
  if (show_secret) {
    fmt::print(
        "Its signing secret, shown this once:\n\n  {}\n\nThe receiver checks "
        "signatures with it (www.standardwebhooks.com).\n",
        channel->secret);
  }
  fmt::print("Try it: ctvigil channel test {}\n", channel->name);
  return kExitOk;
}

Json channel_json(const Channel& channel, const sql::OutboxStatus& outbox) {
  return {{"id", channel.id},
          {"name", channel.name},
          {"type", to_string(channel.type)},
          {"target", alerts::describe_target(channel)},
          {"tags", channel.tags},
          {"min_severity", to_string(channel.min_severity)},
          {"enabled", channel.enabled},
          {"pending", outbox.pending},
          {"delivered", outbox.delivered},
          {"dead", outbox.dead},
          {"last_error", outbox.last_error},
          {"next_attempt", outbox.next_attempt
                               ? Json(format_time(*outbox.next_attempt))
                               : Json(nullptr)}};
}

std::string routing_text(const Channel& channel) {
  std::string out;
  for (const auto& tag : channel.tags) {
    out += (out.empty() ? "tag " : " or ") + tag;
  }
  if (channel.min_severity != alerts::Severity::kInfo) {
    out += fmt::format("{}{} and above", out.empty() ? "" : ", ",
                       to_string(channel.min_severity));
  }
  return out.empty() ? "everything" : out;
}

int list(Session& session) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto channels = sql::load_channels(**db);
  if (!channels) return report(channels.error());
  const auto outbox = sql::outbox_status(**db);
  if (!outbox) return report(outbox.error());
  const auto status_of = [&](const Channel& channel) {
    const auto it = std::find_if(
        outbox->begin(), outbox->end(),
        [&](const auto& status) { return status.channel == channel.name; });
    return it == outbox->end() ? sql::OutboxStatus{} : *it;
  };
  if (session.json) {
    Json out = Json::array();
    for (const auto& c : *channels) {
      out.push_back(channel_json(c, status_of(c)));
    }
    fmt::print("{}\n", dump(out));
    return kExitOk;
  }
  if (channels->empty()) {
    fmt::print(
        "No channels, so nobody is told. For example:\n  ctvigil channel add "
        "webhook soc https://soc.example.com/hooks/ct\n");
    return kExitOk;
  }
  using Align = Table::Align;
  Table table({{"NAME"},
               {"TYPE"},
               {"TARGET"},
               {"GETS"},
               {"WAITING", Align::kRight},
               {"TOLD", Align::kRight},
               {"DEAD", Align::kRight},
               {"LAST ERROR"}});
  for (const auto& c : *channels) {
    const sql::OutboxStatus s = status_of(c);
    table.add(
        {c.enabled ? c.name : c.name + " (off)",
         std::string(to_string(c.type)),
         alerts::describe_target(c),
         routing_text(c),
         {with_commas(s.pending),
          s.last_error.empty() ? Colour::kNone : Colour::kYellow},
         with_commas(s.delivered),
         {with_commas(s.dead), s.dead == 0 ? Colour::kNone : Colour::kRed},
         s.last_error});
  }
  table.print(stdout);
  return kExitOk;
}

Result<Channel> find_channel(sql::Database& db, const std::string& name) {
  auto channels = sql::load_channels(db);
  if (!channels) return tl::unexpected(channels.error());
  for (auto& channel : *channels) {
    if (channel.name == name) return std::move(channel);
  }
  return fail(Errc::kUsage,
              fmt::format("there is no channel '{}'; see `ctvigil channel "
                          "list`",
                          printable(name)));
}

alerts::Message test_message(const std::string& channel) {
  alerts::Message message;
  // As unique as the secret it is made like.
  const std::string random = alerts::new_webhook_secret();
  message.id = "test_" + to_hex(as_bytes(random)).substr(12, 32);
  message.type = alerts::event::kTest;
  message.alert.id = message.id.substr(5);
  message.alert.kind = alerts::kind::kTest;
  message.alert.severity = alerts::Severity::kInfo;
  message.alert.title = "Test message";
  message.alert.reason = fmt::format(
      "Somebody ran `ctvigil channel test {}`. No certificate is meant.",
      channel);
  message.alert.created = message.alert.updated = now_millis();
  return message;
}

int test(Session& session, const std::string& name) {
  const auto config = session.config();
  if (!config) return report(config.error());
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto channel = find_channel(**db, name);
  if (!channel) return report(channel.error());
  HttpClient http(
      {fmt::format("ctvigil/{} (+{})", kVersion, (*config)->contact), 8, 128});
  const alerts::Message message = test_message(channel->name);
  const auto told = alerts::deliver(http, *channel, message);
  if (session.json) {
    fmt::print(
        "{}\n",
        dump({{"channel", channel->name},
              {"message", message.id},
              {"delivered", told.has_value()},
              {"error", told ? Json(nullptr) : Json(told.error().what)}}));
    return told ? kExitOk : kExitFailed;
  }
  if (!told) {
    return report(
        {Errc::kTransient, fmt::format("channel {}: {}", channel->name,
                                       printable(told.error().what))});
  }
  // On standard error if the message itself went to standard output.
  std::FILE* out = channel->type == ChannelType::kStdout ? stderr : stdout;
  fmt::print(out, "Channel {} took the test message {}.\n", channel->name,
             message.id);
  if (!channel->enabled) {
    fmt::print(out, "It is off: ctvigil channel enable {}\n", channel->name);
  }
  return kExitOk;
}

int remove(Session& session, const std::string& name) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto removed = sql::remove_channel(**db, name);
  if (!removed) return report(removed.error());
  if (!*removed) {
    return report({Errc::kUsage,
                   fmt::format("there is no channel '{}'", printable(name))});
  }
  fmt::print("Channel {} removed.\n", printable(name));
  return kExitOk;
}

int enable(Session& session, const std::string& name, bool enabled) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto channel = find_channel(**db, name);
  if (!channel) return report(channel.error());
  const auto r = sql::set_channel_enabled(**db, name, enabled, "by hand");
  if (!r) return report(r.error());
  fmt::print("Channel {} is {}.\n", channel->name, enabled ? "on" : "off");
  return kExitOk;
}

void add_add_command(CLI::App& parent, Session& session) {
  auto o = std::make_shared<AddOptions>();
  CLI::App& c = *parent.add_subcommand("add", "Add a channel");
  session.add_common_options(c);
  c.add_option("TYPE", o->type,
               "webhook (JSON, signed), slack (text, also Mattermost and "
               "such), email, program, stdout")
      ->required()
      ->check(
          CLI::IsMember({"webhook", "slack", "email", "program", "stdout"}));
  c.add_option("NAME", o->name, "What you call it")->required();
  c.add_option("TARGET", o->target,
               "URL (https://…, smtps://user@host, smtp://host:587 for "
               "STARTTLS), the program's path, or text or json for stdout");
  c.add_option("--url-file", o->url_file,
               "Read the URL from a file, - for standard input, so that it "
               "does not stand in the process list");
  c.add_option("--password-file", o->password_file,
               "E-mail: read the password of the URL's user from a file or -");
  c.add_option("--secret-file", o->secret_file,
               "Webhook: sign with the whsec_… in this file or - instead of a "
               "new secret");
  c.add_option("--to", o->to, "E-mail: a recipient; may be repeated")
      ->allow_extra_args(false);
  c.add_option("--from", o->from,
               "E-mail: the sender (default: ctvigil at the first recipient's "
               "domain)");
  c.add_option("--arg", o->arguments, "Program: an argument; may be repeated")
      ->allow_extra_args(false);
  c.add_option("--tag", o->tags,
               "Only alerts of watches with this tag; may be repeated. Log "
               "alerts go everywhere")
      ->allow_extra_args(false);
  c.add_option("--min-severity", o->min_severity,
               "Only alerts at least this severe (default: info)")
      ->check(CLI::IsMember({"info", "low", "medium", "high", "critical"}));
  c.add_option("--ca-file", o->ca_file,
               "PEM roots, for a receiver with a private CA");
  c.add_option("--allow-private-host", o->private_hosts,
               "Webhook, slack: this host of the URL may have a private "
               "address; may be repeated")
      ->allow_extra_args(false);
  c.add_flag("--allow-plain", o->allow_plain,
             "Allow http://, and mail without TLS");
  c.footer(
      "Examples:\n"
      "  ctvigil channel add webhook soc https://soc.example.com/hooks/ct\n"
      "  ctvigil channel add slack chat --url-file hook-url.txt --tag web\n"
      "  ctvigil channel add email mail smtps://user@mail.example.com \\\n"
      "      --password-file mail.secret --to soc@example.com\n"
      "  ctvigil channel add program pager /usr/local/bin/page "
      "--min-severity high\n"
      "  ctvigil channel add stdout log json\n\n"
      "A webhook's signing secret is shown once. Redirects are not followed. "
      "A program\ngets the webhook's JSON on standard input; other than status "
      "0 is a failure.");
  on_chosen(c, session, [&session, o] { return add(session, *o); });
}

}  // namespace

void add_channel_commands(CLI::App& app, Session& session) {
  CLI::App& channel =
      *app.add_subcommand("channel", "Whom alerts are told, and how");
  channel.require_subcommand(1);
  add_add_command(channel, session);

  CLI::App& lister = *channel.add_subcommand(
      "list", "List channels and how delivery goes; secrets are not shown");
  session.add_common_options(lister);
  on_chosen(lister, session, [&session] { return list(session); });

  auto name = std::make_shared<std::string>();
  const auto by_name = [&](const char* word, const char* what, bool prints_data,
                           std::function<int()> action) {
    CLI::App& c = *channel.add_subcommand(word, what);
    session.add_common_options(c, prints_data);
    c.add_option("NAME", *name, "The channel")->required();
    on_chosen(c, session, std::move(action));
  };
  by_name("test", "Send a test message now, and say what happened", true,
          [&session, name] { return test(session, *name); });
  by_name("remove", "Remove a channel, with the messages that wait for it",
          false, [&session, name] { return remove(session, *name); });
  by_name("enable", "Use a channel again that was switched off", false,
          [&session, name] { return enable(session, *name, true); });
  by_name("disable", "Queue no more messages for a channel", false,
          [&session, name] { return enable(session, *name, false); });
  channel.footer(
      "A receiver that answers HTTP 410, or Slack's 403 or 404, wants no more: "
      "its\nchannel is switched off. `ctvigil channel enable` undoes that.");
}

}  // namespace ct::monitor
