// Package crossauth imports the database of a crossauth server: its clients with the hashes of their secrets, the scopes that users
// have authorized, and the access tokens that it has stored. The program bearerkit-import calls it:
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
// Import can be called again, also after it was interrupted. It records which rows it has imported, and imports no row twice. Rows
// that the target has already are not changed:
//
//   - If a client, an authorization or the entry of a token was deleted from the target after its import, it stays deleted. So a
//     revoked token does not become active again.
//   - If a client or an authorization was changed in the target after its import, for example because a secret was rotated, the
//     target keeps the change.
//   - If a client or an authorization was changed in crossauth after its import, the target keeps what was imported.
//
// Report.Different lists these clients and authorizations. Tokens are only counted (Count.Different). Report.Missing lists the
// clients and authorizations that crossauth has deleted after their import. If crossauth has revoked a token after its import, the
// token stays active in the target until it expires, unless Config.RevokeMissing is set. Report.MissingTokens counts such tokens.
//
// # What is not imported
//
// Sessions, API keys, refresh tokens, codes and other entries of the key table are not imported. The report counts them by
// their prefix, and says what happens to their users.
package crossauth
