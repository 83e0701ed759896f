-- Tokens of the HTTP API.

CREATE TABLE api_token (
  name text COLLATE "C" PRIMARY KEY,
  scope text NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
  sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE api_token IS 'Who may use the HTTP API from elsewhere';
COMMENT ON COLUMN api_token.name IS 'Whose it is, as its adder calls it';
COMMENT ON COLUMN api_token.scope IS 'read, write or admin; each may do what those before it may';
COMMENT ON COLUMN api_token.sha256 IS 'SHA-256 of the token, which is 256 random bits and kept nowhere';
COMMENT ON COLUMN api_token.created_at IS 'When it was added';
