package crossauth

// Report is the result of an [Import]. It contains no secrets: clients are named by their ids, redirect URIs without their
// queries, and stored tokens by the first characters of the hashes of their ids.
type Report struct {
	// DryRun is true if nothing was stored.
	DryRun bool `json:"dry_run"`

	// The numbers of rows of each table. A redirect URI or flow has the result of its client, unless it was rejected itself.
	Clients        Count `json:"clients"`
	RedirectURIs   Count `json:"redirect_uris"`
	Flows          Count `json:"flows"`
	Authorizations Count `json:"authorizations"`
	AccessTokens   Count `json:"access_tokens"`

	// OtherKeys are the entries of the key table that are not imported, by their prefix, in ascending order.
	OtherKeys []KeyCount `json:"other_keys"`

	// Rejected are the rows that cannot be imported, because they are not valid, exist twice, or belong to a client that was not
	// imported.
	Rejected []Row `json:"rejected"`

	// Different are the clients and authorizations that are different in the target and in crossauth, or that were deleted in the
	// target after their import. They were not changed.
	Different []Row `json:"different"`

	// Missing are the clients and authorizations that an earlier import has stored, and that crossauth does not have any more. They
	// were not changed in the target.
	Missing []Row `json:"missing"`

	// MissingTokens is the number of tokens that an earlier import has stored, that are active in the target, and that crossauth
	// does not have any more. With Config.RevokeMissing, their entries were deleted, unless DryRun is true.
	MissingTokens int `json:"missing_tokens"`
}

// Count counts the rows of a table. Read is the sum of the other fields.
type Count struct {
	Read      int `json:"read"`
	Imported  int `json:"imported"`  // stored, or with DryRun: would be stored
	Unchanged int `json:"unchanged"` // stored by an earlier import, or the same row exists
	Different int `json:"different"` // see Report.Different; for tokens: deleted in the target after an earlier import
	Rejected  int `json:"rejected"`  // see Report.Rejected
	Expired   int `json:"expired"`   // only for tokens: not imported, because they have expired
}

// KeyCount counts the entries of the key table with one prefix.
type KeyCount struct {
	Prefix  string `json:"prefix"`  // such as "s:"; empty for keys without a known prefix
	Rows    int    `json:"rows"`    // the number of entries
	Meaning string `json:"meaning"` // what the entries are, such as "sessions"
	Effect  string `json:"effect"`  // what users or operators must do, because the entries are not imported
}

// Row names a row of the source.
type Row struct {
	Table  string `json:"table"`
	Row    string `json:"row"`    // the columns that identify the row, with their values
	Reason string `json:"reason"` // why the row was not imported, or how it differs
}

// result is what was done with a row.
type result int

const (
	rejected result = iota + 1
	imported
	unchanged
	different
	expired
)

// add counts n rows with a result.
func (c *Count) add(r result, n int) {
	c.Read += n
	switch r {
	case imported:
		c.Imported += n
	case unchanged:
		c.Unchanged += n
	case different:
		c.Different += n
	case expired:
		c.Expired += n
	default:
		c.Rejected += n
	}
}

// Incomplete reports whether a row was rejected or is different.
func (r *Report) Incomplete() bool { return len(r.Rejected)+len(r.Different) > 0 }

// reject lists a row that was not imported, and counts it.
func (r *Report) reject(c *Count, table, row, reason string) {
	c.add(rejected, 1)
	r.Rejected = append(r.Rejected, Row{table, row, reason})
}

// otherKeys describes the prefixes of the key table that are not imported.
func otherKeys() map[string]KeyCount {
	return map[string]KeyCount{
		"s:":       {Meaning: "sessions", Effect: "users of the crossauth server sign in again, if that server is replaced"},
		"p:":       {Meaning: "password reset tokens", Effect: "users request a new one"},
		"e:":       {Meaning: "email verification tokens", Effect: "users request a new one"},
		"api:":     {Meaning: "API keys", Effect: "the kit has no API keys: keep the server that verifies them, or replace them by clients with the flow clientCredentials"},
		"authz:":   {Meaning: "authorization codes", Effect: "they expire in minutes; sign-ins that are in progress start again"},
		"refresh:": {Meaning: "refresh tokens", Effect: "only the server that issued them can redeem them: keep it until they have expired, or users sign in again"},
		"omfa:":    {Meaning: "sign-ins with a second factor that are in progress", Effect: "they start again"},
		"dc:":      {Meaning: "device codes", Effect: "they expire in minutes; sign-ins that are in progress start again"},
		"uc:":      {Meaning: "user codes of devices", Effect: "they expire in minutes; sign-ins that are in progress start again"},
		"":         {Meaning: "entries without a known prefix", Effect: "they belong to the application, which must move them itself"},
	}
}
