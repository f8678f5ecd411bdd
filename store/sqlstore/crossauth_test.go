package sqlstore_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/crossauth"
)

// layouts are the layouts of the tests, by name.
func layouts() map[string]crossauth.Layout {
	return map[string]crossauth.Layout{"SQL": crossauth.LayoutSQL(), "Prisma": crossauth.LayoutPrisma()}
}

// wantReport compares a report without OtherKeys.
func wantReport(t *testing.T, got *crossauth.Report, want crossauth.Report) {
	t.Helper()
	if diff := cmp.Diff(want, *got, cmpopts.IgnoreFields(crossauth.Report{}, "OtherKeys")); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// Everything that the kit can use is imported, from each database and each layout. The second import changes nothing, and neither
// does the import change the source.
func TestCrossauth(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		for name, layout := range layouts() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				source, target := newCrossauth(t, dialect, layout, false), newStore(t, dialect)
				source.fill()
				before := source.dump()
				report := source.importInto(source.config(target))
				wantReport(t, report, filled())
				others := make(map[string]int)
				for _, key := range report.OtherKeys {
					others[key.Prefix] = key.Rows
					if key.Meaning == "" || key.Effect == "" {
						t.Errorf("the keys %q are not described", key.Prefix)
					}
				}
				want := map[string]int{"s:": 2, "refresh:": 1, "api:": 1, "dc:": 1, "uc:": 1, "": 2}
				if diff := cmp.Diff(want, others); diff != "" {
					t.Errorf("other keys (-want +got):\n%s", diff)
				}
				wantImported(t, target)
				wantReport(t, source.importInto(source.config(target)), again(filled()))
				wantImported(t, target)
				if diff := cmp.Diff(before, source.dump()); diff != "" {
					t.Errorf("the source was changed:\n%s", diff)
				}
			})
		}
	})
}

// wantImported checks what fill added to the source.
func wantImported(t *testing.T, target *sqlstore.Store) {
	t.Helper()
	ctx, clients := t.Context(), registryOf(t, target)
	got, err := clients.List(ctx, registry.Page{})
	if err != nil {
		t.Fatal(err)
	}
	want := []registry.Client{
		{ID: "idle", Name: "Idle", Confidential: true, Owner: "8"},
		{ID: "robot", Name: "Robot", Confidential: true, Owner: "7", Flows: []registry.Flow{registry.FlowClientCredentials}},
		{
			ID: "spa", Name: "Página", RedirectURIs: []string{"https://spa.example.com/callback"},
			Flows: []registry.Flow{registry.FlowAuthorizationCodeWithPKCE, registry.FlowRefreshToken},
		},
		{
			ID: "web", Name: "Web shop", Confidential: true, Owner: "7",
			RedirectURIs: []string{"com.example.app:/callback", "https://app.example.com/callback"},
			Flows:        []registry.Flow{registry.FlowAuthorizationCodeWithPKCE, registry.FlowRefreshToken},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(registry.Client{}, "Created", "Secrets"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
	for _, id := range []string{"web", "robot"} {
		if _, err := clients.Authenticate(ctx, id, crossauthSecret); err != nil {
			t.Errorf("Authenticate %s: %v", id, err)
		}
		row, _, err := target.Clients().Get(ctx, id)
		if err != nil || strings.Contains(string(row.Data), "pbkdf2:") {
			t.Errorf("the hash of %s was not replaced: %v", id, err)
		}
	}
	wantScopes(t, target, "web", "7", "read", "write")
	wantScopes(t, target, "spa", "8", "read")
	wantScopes(t, target, "spa", "", "")
	for jti, want := range map[string]bool{"jti-1": true, "jti-2": true, "jti-3": false, "jti-4": false} {
		wantActive(t, target, jti, want)
	}
}

func wantActive(t *testing.T, target *sqlstore.Store, jti string, want bool) {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"iss": issuer, "sub": "7", "jti": jti, "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	token, err := consumer.NewToken(issuer, claims)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (store.PersistedTokens{Storage: target}).Active(t.Context(), token); got != want || err != nil {
		t.Errorf("the token %s is active: %v, %v, want %v", jti, got, err, want)
	}
}

// A dry run returns the report of the import and stores nothing. The tables of the target need not exist.
func TestCrossauth_DryRun(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source := newCrossauth(t, dialect, crossauth.LayoutSQL(), false)
		source.fill()
		source.client("bad", true, "", nil, nil)
		target := connect(t, dialect, newDSN(t, dialect))
		cfg := source.config(target)
		cfg.DryRun = true
		expected := source.importInto(cfg)
		if expected.Clients.Imported != 4 || !expected.DryRun {
			t.Errorf("the dry run without tables: %+v", expected)
		}
		if err := target.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			wantReport(t, source.importInto(cfg), *expected)
		}
		got := source.importInto(source.config(target))
		got.DryRun = true
		wantReport(t, got, *expected)
		changeBoth(t, source, target)
		expected = source.importInto(cfg)
		got = source.importInto(source.config(target))
		got.DryRun = true
		wantReport(t, got, *expected)
	})
}

// changeBoth changes, adds and deletes rows in the source and in the target.
func changeBoth(t *testing.T, source *crossauthDB, target *sqlstore.Store) {
	t.Helper()
	ctx, clients := t.Context(), registryOf(t, target)
	if _, err := clients.RotateSecret(ctx, "web", time.Hour); err != nil { // the client gets a new secret
		t.Fatal(err)
	}
	if err := clients.Delete(ctx, "idle"); err != nil {
		t.Fatal(err)
	}
	source.run("UPDATE "+source.quote(source.layout.Clients)+" SET client_secret = ? WHERE client_id = ?", hashPepper, "robot")
	source.uris("spa", "https://spa.example.com/other")
	if err := target.Delete(ctx, store.TokenKey("jti-1")); err != nil { // the token is revoked
		t.Fatal(err)
	}
	source.run("DELETE FROM "+source.quote(source.layout.Keys)+" WHERE value = ?", store.TokenKey("jti-2")+"=")
	if err := target.Authorizations().Delete(ctx, "web", "7"); err != nil { // the user withdraws the consent
		t.Fatal(err)
	}
	source.authorize("spa", 8, "write")
	source.run("DELETE FROM " + source.quote(source.layout.Authorizations) + " WHERE userid IS NULL")
	source.client("new", false, "New", nil, nil)
	source.key(store.TokenKey("jti-5"), source.at(time.Hour))
}

// What changed after an import is reported. Newer data of the target is kept, and what was deleted there stays deleted: a revoked
// token does not become active again.
func TestCrossauth_LaterChanges(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), false), newStore(t, dialect)
		source.fill()
		source.importInto(source.config(target))
		changeBoth(t, source, target)
		report := source.importInto(source.config(target))
		got := make(map[string]string)
		for _, row := range append(report.Different, report.Missing...) {
			got[row.Row] = row.Reason
		}
		for row, part := range map[string]string{
			`client_id "web"`:             "different: secret; it was changed in the target",
			`client_id "idle"`:            "it stays deleted",
			`client_id "robot"`:           "its secret was changed in crossauth",
			`client_id "spa"`:             "it was changed in crossauth after its import; this change was not imported; different: redirect URIs",
			`client_id "web", owner "7"`:  "it stays deleted",
			`client_id "spa", owner "8"`:  "its scopes were changed in crossauth",
			`client_id "spa", owner ""`:   "crossauth does not have it any more",
			`client_id "none of the rows`: "",
		} {
			if part != "" && !strings.Contains(got[row], part) {
				t.Errorf("%s: %q, want a text with %q", row, got[row], part)
			}
			delete(got, row)
		}
		if len(got) > 0 || len(report.Rejected) > 0 || report.MissingTokens != 1 {
			t.Errorf("also reported: %v, %v, %d missing tokens, want 1", got, report.Rejected, report.MissingTokens)
		}
		want := crossauth.Count{Read: 5, Imported: 1, Different: 4}
		if report.Clients != want || report.AccessTokens != (crossauth.Count{Read: 3, Imported: 1, Different: 1, Expired: 1}) {
			t.Errorf("clients %+v, tokens %+v", report.Clients, report.AccessTokens)
		}
		wantActive(t, target, "jti-1", false)
		wantActive(t, target, "jti-2", true)
		wantActive(t, target, "jti-5", true)
		cfg := source.config(target)
		cfg.RevokeMissing = true
		for _, want := range []int{1, 0} {
			if got := source.importInto(cfg).MissingTokens; got != want {
				t.Errorf("%d missing tokens, want %d", got, want)
			}
		}
		wantActive(t, target, "jti-2", false)
		wantActive(t, target, "jti-5", true)
		wantScopes(t, target, "web", "7")
		wantScopes(t, target, "spa", "8", "read")
		if _, err := registryOf(t, target).Get(t.Context(), "idle"); err == nil {
			t.Error("a deleted client was imported again")
		}
	})
}

// A client, an authorization or an entry that the target has from elsewhere is not changed.
func TestCrossauth_ExistingRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), false), newStore(t, dialect)
		source.fill()
		if _, err := registryOf(t, target).Import(t.Context(), registry.Imported{ID: "web", NewClient: registry.NewClient{Name: "another"}}); err != nil {
			t.Fatal(err)
		}
		set(t, target, "spa", "8", "admin")
		for range 2 {
			report := source.importInto(source.config(target))
			if report.Clients.Different != 1 || len(report.Different) != 2 || report.Authorizations.Rejected != 2 || report.Authorizations.Different != 1 {
				t.Errorf("report: %+v", report)
			}
			wantScopes(t, target, "spa", "8", "admin")
			wantScopes(t, target, "web", "7") // they are for the client of crossauth, not for this one
			if c, err := registryOf(t, target).Get(t.Context(), "web"); err != nil || c.Name != "another" {
				t.Errorf("the existing client: %+v, %v", c, err)
			}
		}
	})
}

// Rows that cannot be imported are named with the reason, and no other row is lost. No report contains a secret.
func TestCrossauth_HostileRows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), true), newStore(t, dialect)
		huge := strings.Repeat("x", 60_000)
		source.client("good", true, "good", hashPython, nil)
		source.run("INSERT INTO " + source.quote(source.layout.Clients) + " (client_id, client_name) VALUES (NULL, 'no id')")
		source.client("", true, "empty id", nil, nil)
		source.client("ünï", true, "id outside of ASCII", nil, nil)
		source.client("no-name", true, nil, nil, nil)
		source.client("empty-name", true, "", nil, nil)
		source.client("huge-name", true, huge, nil, nil)
		source.client("no-type", nil, "confidential is NULL", nil, nil)
		source.client("hash", true, "not a hash", "secret-in-plain-text", nil)
		source.client("weak", true, "too few iterations", "pbkdf2:sha256:32:0:0:6RRIUw1K54i8r6bunm7Ezw:zC5MtvcgaY4RQu9bR8hIkeiLaiuUMfJorRlscyPPk88", nil)
		source.client("pepper", true, "needs the pepper", hashPepper, nil)
		source.client("public", false, "public with a secret", hashPython, nil)
		source.client("twice", true, "first", nil, nil)
		source.client("twice", false, "second", nil, nil)
		source.client("uris", true, "invalid redirect URIs", nil, nil)
		source.uris("uris", "https://ok.example.com/", "http://plain.example.com/?token=secret-query", "javascript:alert(1)", "https://user:secret-password@example.com/",
			"https://example.com/#secret-fragment", "https://*.example.com/", "http://localhost:3000/cb", "https://"+huge, nil, "")
		source.client("flows", true, "unknown flows", nil, nil)
		source.flows("flows", "refresh_token", "implicit", "all", "REFRESH_TOKEN", nil, huge)
		source.client("machine", false, "public with client credentials", nil, nil)
		source.flows("machine", "clientCredentials")
		source.client("double", true, "duplicate rows", nil, nil)
		source.uris("double", "https://double.example.com/", "https://double.example.com/")
		source.flows("double", "refresh_token", "refreshToken")
		source.uris("ghost", "https://ghost.example.com/")
		source.uris(nil, "https://ghost.example.com/")
		source.flows("ghost", "refresh_token")
		source.authorize("good", 1, "read", "read", "two scopes", "", "quo\"te", huge, "Ünï")
		source.authorize("ghost", 1, "read")
		source.authorize(nil, 1, "read")
		source.authorize("uris", 1, "read")
		for _, key := range []any{
			"access:", "access:secret-token", store.TokenKey("a") + "==", "access:" + strings.Repeat("A", 44), "access:" + huge,
			strings.Replace(store.TokenKey("a"), "access:", "ACCESS:", 1), nil, "",
		} {
			source.key(key, source.at(time.Hour))
		}
		source.key(store.TokenKey("twice"), source.at(time.Hour))
		source.key(store.TokenKey("twice"), source.at(2*time.Hour))
		badTimes := 0
		if dialect == sqlstore.SQLite { // the others have a type for times
			for i, bad := range []any{"tomorrow", -1, "2030-99-99 00:00:00", []byte{0xff, 0}, 9e99, "NaN"} {
				source.key(store.TokenKey(fmt.Sprint("time", i)), bad)
				badTimes++
			}
		}

		report := source.importInto(source.config(target))
		if want := (crossauth.Count{Read: 18, Imported: 2, Rejected: 16}); report.Clients != want {
			t.Errorf("clients: %+v, want %+v", report.Clients, want)
		}
		if want := (crossauth.Count{Read: 14, Imported: 1, Rejected: 13}); report.RedirectURIs != want {
			t.Errorf("redirect URIs: %+v, want %+v", report.RedirectURIs, want)
		}
		if want := (crossauth.Count{Read: 10, Imported: 1, Rejected: 9}); report.Flows != want {
			t.Errorf("flows: %+v, want %+v", report.Flows, want)
		}
		if want := (crossauth.Count{Read: 10, Imported: 1, Rejected: 9}); report.Authorizations != want {
			t.Errorf("authorizations: %+v, want %+v", report.Authorizations, want)
		}
		if want := (crossauth.Count{Read: 7 + badTimes, Imported: 1, Rejected: 6 + badTimes}); report.AccessTokens != want {
			t.Errorf("tokens: %+v, want %+v", report.AccessTokens, want)
		}
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"secret-", "zC5MtvcgaY", "Bxfq5kuLK", store.TokenKey("twice")[7:], strings.Repeat("x", 200)} {
			if strings.Contains(string(text), secret) {
				t.Errorf("the report contains %.20q", secret)
			}
		}
		wantReasons(t, report, map[string]string{
			"client_id NULL":                           "client_id is NULL",
			`client_id ""`:                             "client_id must have 1 to 255 printable ASCII characters",
			`client_id "ünï"`:                          "client_id must have",
			`client_id "no-name"`:                      "client_name must have",
			`client_id "huge-name"`:                    "client_name must have",
			`client_id "no-type"`:                      "confidential is NULL",
			`client_id "hash"`:                         "client_secret must be a PBKDF2 hash",
			`client_id "weak"`:                         "client_secret must be a PBKDF2 hash",
			`client_id "pepper"`:                       "client_secret needs Config.Pepper",
			`client_id "public"`:                       "client_secret must be zero for a public client",
			`client_id "twice"`:                        "several rows have this client_id",
			`client_id "uris"`:                         "it has redirect URIs or flows that are not valid",
			`uri "http://plain.example.com/"`:          "must be https",
			`uri "https://example.com/"`:               "must not have",
			`uri "http://localhost:3000/cb"`:           "must be https unless",
			`uri "https://ok.example.com/"`:            "its client was not imported",
			`client_id "flows", flow "implicit"`:       "the flow is not known",
			`client_id "machine", flow "client`:        "a public client cannot use client credentials",
			`client_id "double", uri "https://double`:  "the row exists twice",
			`client_id "ghost", flow "refresh_token"`:  "there is no such client",
			`client_id "good", owner "1", scope "two `: "the scope must have",
			`client_id "ghost", owner "1"`:             "there is no such client",
			`client_id "uris", owner "1"`:              "its client was not imported",
			"access:…, a key of 19 bytes":              "is not the SHA-256 hash of a token id",
		})

		cfg := source.config(target)
		cfg.Pepper, cfg.InsecureAllowLocalhost, cfg.Partial = registry.NewSecret(pepper), true, true
		report = source.importInto(cfg)
		if want := (crossauth.Count{Read: 18, Imported: 4, Unchanged: 2, Rejected: 12}); report.Clients != want {
			t.Errorf("clients of the second import: %+v, want %+v", report.Clients, want)
		}
		c, err := registryOf(t, target).Get(t.Context(), "uris")
		if diff := cmp.Diff([]string{"http://localhost:3000/cb", "https://ok.example.com/"}, c.RedirectURIs); err != nil || diff != "" {
			t.Errorf("redirect URIs: %v\n%s", err, diff)
		}
		if c, err := registryOf(t, target).Get(t.Context(), "machine"); err != nil || len(c.Flows) != 0 {
			t.Errorf("a client without valid flows has %q, %v, want none", c.Flows, err)
		}
		if _, err := registryOf(t, target).Authenticate(t.Context(), "pepper", crossauthSecret); err != nil {
			t.Errorf("a client with a pepper: %v", err)
		}
	})
}

// wantReasons checks that the report has a rejected row whose name contains each key, with a reason that contains the value.
func wantReasons(t *testing.T, report *crossauth.Report, want map[string]string) {
	t.Helper()
	for row, reason := range want {
		found := false
		var reasons []string
		for _, rejected := range report.Rejected {
			if strings.Contains(rejected.Row, row) {
				found = found || strings.Contains(rejected.Reason, reason)
				reasons = append(reasons, rejected.Reason)
			}
		}
		if !found {
			t.Errorf("%s: %q, want a reason with %q", row, reasons, reason)
		}
	}
}

// An import sees one state of the source, while crossauth writes: each client has both of its redirect URIs.
func TestCrossauth_ConcurrentWriters(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		source, target := newCrossauth(t, dialect, crossauth.LayoutSQL(), false), newStore(t, dialect)
		var writer sync.WaitGroup
		started := make(chan struct{})
		writer.Go(func() {
			for n := range 60 {
				source.register(fmt.Sprintf("client-%02d", n))
				if n == 5 {
					close(started)
				}
			}
		})
		<-started
		for range 3 {
			report := source.importInto(source.config(target))
			if len(report.Rejected) > 0 || report.RedirectURIs.Read != 2*report.Clients.Read {
				t.Errorf("%d clients with %d redirect URIs, rejected: %v", report.Clients.Read, report.RedirectURIs.Read, report.Rejected)
			}
		}
		writer.Wait()
		report := source.importInto(source.config(target))
		if report.Clients.Imported+report.Clients.Unchanged != 60 || report.Clients.Read != 60 {
			t.Errorf("clients: %+v", report.Clients)
		}
	})
}

// register adds a client with two redirect URIs in one transaction.
func (c *crossauthDB) register(id string) {
	tx, err := c.BeginTx(c.Context(), nil)
	if err != nil {
		c.Error(err)
		return
	}
	for _, text := range []string{
		"INSERT INTO oauthclient (client_id, confidential, client_name) VALUES ('%s', false, 'name')",
		"INSERT INTO oauthclientredirecturi (client_id, uri) VALUES ('%s', 'https://example.com/1')",
		"INSERT INTO oauthclientredirecturi (client_id, uri) VALUES ('%s', 'https://example.com/2')",
	} {
		if _, err := tx.ExecContext(c.Context(), fmt.Sprintf(text, id)); err != nil {
			c.Error(err)
		}
	}
	if err := tx.Commit(); err != nil {
		c.Error(err)
	}
}
