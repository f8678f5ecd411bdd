// Package crossauth imports the database of a crossauth server: its clients with the hashes of their secrets, what users have
// authorized, and the access tokens that it has stored. The program bearerkit-import calls it:
//
//	report, err := crossauth.Import(ctx, crossauth.Config{
//		Source: crossauthDB, Dialect: sqlstore.PostgreSQL, Layout: crossauth.LayoutSQL(), Target: sqlStore,
//	})
//
// Import reads the source in one transaction that cannot write, and never changes it. It imports each client as a whole or not
// at all. The [Report] counts all rows and names each row that was not imported, with the reason.
//
// # Repeated imports
//
// Import can be called again, also after it was interrupted. It records what it has imported. A row that it has imported before
// is never imported again, and nothing else in the target is changed:
//
//   - If a client, an authorization or the entry of a token was deleted in the target since, it stays deleted. So a revoked token
//     does not become active again.
//   - If a client was changed in the target, for example its secret was rotated, the newer data stays.
//   - If a row was changed in crossauth since, the target keeps what was imported.
//
// The report lists these clients and authorizations in Different, and counts these tokens. Clients and authorizations that
// crossauth has deleted since are listed in Missing. A token that was revoked in crossauth after an import remains active in the
// target until it expires, unless Config.RevokeMissing is set. Report.MissingTokens counts such tokens.
//
// # What is not imported
//
// Sessions, API keys, refresh tokens, codes and other entries of the key table are not imported. The report counts them by
// their prefix, and says what happens to their users.
package crossauth
