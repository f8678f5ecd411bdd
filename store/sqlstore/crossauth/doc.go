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
// is never imported again, and nothing in the target is changed or deleted:
//
//   - If a client, an authorization or a stored token was deleted in the target since, it stays deleted: the token was revoked.
//   - If a client was changed in the target, for example its secret was rotated, the newer data stays.
//   - If a row was changed in crossauth since, the target keeps what was imported.
//
// The report lists these rows in Different. Rows that crossauth has deleted since are listed in Missing. A token that was revoked
// in crossauth after an import is among them: delete its entry in the target.
//
// # What is not imported
//
// Sessions, API keys, refresh tokens, codes and other entries of the key table are not imported. The report counts them by
// their prefix, and says what happens to their users.
package crossauth
