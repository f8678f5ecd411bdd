package statuslist_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/jwks"
)

// zlibOf returns data as a zlib stream.
func zlibOf(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func base64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// Every fault of a list makes it unusable: the status is unavailable, and the error says why.
func TestListsThatAreNotValid(t *testing.T) {
	t.Parallel()
	good := zlibOf(make([]byte, 8))
	lst := func(compressed []byte) func(*bearertest.Token) {
		return func(token *bearertest.Token) {
			token.Set("status_list", map[string]any{"bits": 1, "lst": base64url(compressed)})
		}
	}
	content := func(bits, text any) func(*bearertest.Token) {
		return func(token *bearertest.Token) { token.Set("status_list", map[string]any{"bits": bits, "lst": text}) }
	}
	set := func(name string, value any) func(*bearertest.Token) {
		return func(token *bearertest.Token) { token.Set(name, value) }
	}
	wrongSum := bytes.Clone(good)
	wrongSum[len(wrongSum)-1] ^= 1
	for name, test := range map[string]struct {
		edit func(*bearertest.Token)
		want string
	}{
		"typ absent":             {func(token *bearertest.Token) { token.SetHeader("typ", bearertest.Absent) }, "typ"},
		"typ of access tokens":   {func(token *bearertest.Token) { token.SetHeader("typ", "at+jwt") }, "typ"},
		"typ JWT":                {func(token *bearertest.Token) { token.SetHeader("typ", "JWT") }, "typ"},
		"unsigned":               {func(token *bearertest.Token) { token.SignWith("none", nil) }, "algorithm"},
		"key of nobody":          {func(token *bearertest.Token) { token.Algorithm("ES384") }, "unknown_key"},
		"other signature":        {func(token *bearertest.Token) { token.EditSignature(flip) }, "signature"},
		"crit":                   {func(token *bearertest.Token) { token.SetHeader("crit", []string{"x"}) }, "crit"},
		"iss of another":         {set("iss", "https://other.test"), "iss"},
		"iss null":               {set("iss", nil), "iss"},
		"aud of another":         {set("aud", "https://other.test"), "aud"},
		"sub absent":             {set("sub", bearertest.Absent), "sub"},
		"sub of another list":    {set("sub", "https://issuer.test/statuslists/2"), "sub"},
		"sub with a slash":       {set("sub", "https://issuer.test/statuslists/1/"), "sub"},
		"sub in other case":      {set("sub", "https://ISSUER.test/statuslists/1"), "sub"},
		"iat absent":             {set("iat", bearertest.Absent), "iat"},
		"iat in the future":      {set("iat", bubble+3600), "iat"},
		"exp in the past":        {set("exp", bubble-3600), "exp"},
		"exp string":             {set("exp", "never"), "exp"},
		"nbf in the future":      {set("nbf", bubble+3600), "nbf"},
		"ttl zero":               {set("ttl", 0), "ttl"},
		"ttl negative":           {set("ttl", -1), "ttl"},
		"ttl string":             {set("ttl", "60"), "ttl"},
		"ttl null":               {set("ttl", nil), "ttl"},
		"ttl too large":          {set("ttl", json.RawMessage("1e999")), "ttl"},
		"status_list absent":     {set("status_list", bearertest.Absent), "status_list"},
		"status_list string":     {set("status_list", "x"), "status_list"},
		"status_list array":      {set("status_list", []any{map[string]any{"bits": 1, "lst": base64url(good)}}), "status_list"},
		"bits absent":            {set("status_list", map[string]any{"lst": base64url(good)}), "bits"},
		"bits 0":                 {content(0, base64url(good)), "bits"},
		"bits 3":                 {content(3, base64url(good)), "bits"},
		"bits 16":                {content(16, base64url(good)), "bits"},
		"bits 257":               {content(257, base64url(good)), "bits"},
		"bits -1":                {content(-1, base64url(good)), "bits"},
		"bits 1.5":               {content(1.5, base64url(good)), "bits"},
		"bits string":            {content("1", base64url(good)), "bits"},
		"bits null":              {content(nil, base64url(good)), "bits"},
		"lst absent":             {set("status_list", map[string]any{"bits": 1}), "lst"},
		"lst array":              {content(1, []int{0}), "lst"},
		"lst empty":              {content(1, ""), "lst"},
		"lst with padding":       {content(1, base64.URLEncoding.EncodeToString(append(good, 0, 0))), "lst"},
		"lst in standard base64": {content(1, "/+//"), "lst"},
		"lst with white space":   {content(1, base64url(good)+"\n"), "lst"},
		"lst without zlib":       {lst(make([]byte, 100)), "zlib"},
		"lst gzip":               {lst(gzipOf(make([]byte, 8))), "zlib"},
		"raw deflate":            {lst(good[2 : len(good)-4]), "zlib"},
		"wrong checksum":         {lst(wrongSum), "zlib"},
		"no checksum":            {lst(good[:len(good)-4]), "zlib"},
		"truncated":              {lst(good[:len(good)-6]), "zlib"},
		"preset dictionary":      {lst(append([]byte{0x78, 0xbb}, good[2:]...)), "zlib"},
		"a byte too many":        {lst(append(bytes.Clone(good), 0)), "after the zlib stream"},
		"two streams":            {lst(append(bytes.Clone(good), good...)), "after the zlib stream"},
		"too long":               {lst(zlibOf(make([]byte, 1<<16+1))), "MaxListBytes"},
		"bomb":                   {lst(zlibOf(make([]byte, 5<<20))), "MaxListBytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, smallLists, func(t *testing.T, w *world) {
				w.list.Edit(test.edit)
				w.expect(t, w.at(0), consumer.ReasonStatusUnavailable)
				switch last := w.lists.Stats().Lists[0].LastError; {
				case last == nil:
					t.Error("Stats has no error")
				case !strings.Contains(last.Error(), test.want):
					t.Errorf("error %q does not name %q", last, test.want)
				case strings.Contains(last.Error(), "Config.Profile"):
					t.Errorf("error %q names a field that Config does not have", last)
				}
			})
		})
	}
}

// smallLists limits lists to 64 KiB.
func smallLists(cfg *statuslist.Config) { cfg.MaxListBytes = 1 << 16 }

func flip(signature []byte) []byte { signature[0] ^= 1; return signature }

func gzipOf(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// Deviations that give an attacker no advantage do not make a list unusable.
func TestListsThatAreValid(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*bearertest.Token){
		"as made":             func(*bearertest.Token) {},
		"typ in long form":    func(token *bearertest.Token) { token.SetHeader("typ", "application/statuslist+jwt") },
		"with iss":            func(token *bearertest.Token) { token.Set("iss", "https://issuer.test") },
		"without exp and ttl": func(token *bearertest.Token) { token.Set("exp", bearertest.Absent).Set("ttl", bearertest.Absent) },
		"ttl with a fraction": func(token *bearertest.Token) { token.Set("ttl", 0.5) },
		"huge ttl":            func(token *bearertest.Token) { token.Set("ttl", 1e300) },
		"old iat":             func(token *bearertest.Token) { token.Set("iat", 1) },
		"other claims":        func(token *bearertest.Token) { token.Set("x", 1).Set("jti", "1") },
		"largest size": func(token *bearertest.Token) {
			token.Set("status_list", map[string]any{"bits": 1, "lst": base64url(zlibOf(make([]byte, 1<<16)))})
		},
		"with aggregation_uri": func(token *bearertest.Token) {
			token.Set("status_list", map[string]any{"bits": 1, "lst": base64url(zlibOf(make([]byte, 8))), "aggregation_uri": "http://169.254.169.254/"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, smallLists, func(t *testing.T, w *world) {
				w.list.Edit(edit)
				w.expect(t, w.at(0), "")
				if got := w.issuer.Requests(); len(got) != 1 {
					t.Errorf("requests %v, want one for the list only", got)
				}
			})
		})
	}
}

// Responses other than a list are errors, and no more than the limit is read.
func TestResponses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		respond http.HandlerFunc
		want    string
	}{
		"not found":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "404"},
		"no content":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "204"},
		"not modified": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, "304"},
		"redirect":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/statuslists/2", http.StatusFound) }, "redirects"},
		"redirect inside": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusSeeOther)
		}, "redirects"},
		"empty": {func(http.ResponseWriter, *http.Request) {}, "malformed"},
		"not a JWT": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"bits":1,"lst":"eNpjAAAAAQAB"}`)
		}, "malformed"},
		"CWT": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/statuslist+cwt")
		}, "CWT"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for range 10_000 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}, "MaxListBytes"},
		"connection closed": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "no complete response"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, smallLists, func(t *testing.T, w *world) {
				w.issuer.Fail("/statuslists/1", func(rw http.ResponseWriter, r *http.Request, _ http.Handler) { test.respond(rw, r) })
				w.expect(t, w.at(0), consumer.ReasonStatusUnavailable)
				if last := w.lists.Stats().Lists[0].LastError; last == nil || !strings.Contains(last.Error(), test.want) {
					t.Errorf("error %v, want %q in it", last, test.want)
				}
				if got := w.issuer.Requests(); len(got) != 1 || got["/statuslists/1"] != 1 {
					t.Errorf("requests %v, want one", got)
				}
			})
		})
	}
}

// Compression by HTTP is undone within the same limit, the Content-Type does not matter, and white space after the list either.
func TestTransferOfLists(t *testing.T) {
	t.Parallel()
	for name, respond := range map[string]func(w http.ResponseWriter, list string){
		"plain": func(w http.ResponseWriter, list string) { _, _ = io.WriteString(w, list) },
		"text": func(w http.ResponseWriter, list string) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, list)
		},
		"with newline": func(w http.ResponseWriter, list string) { _, _ = io.WriteString(w, list+"\r\n") },
		"gzip": func(w http.ResponseWriter, list string) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(gzipOf([]byte(list)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sockets, list := onSocket(t, respond)
			expect(t, sockets.consumer, sockets.at(0), "")
			list.Set(0, 1)
		})
	}
	t.Run("gzip bomb", func(t *testing.T) {
		t.Parallel()
		bomb := gzipOf(make([]byte, 5<<20))
		sockets, _ := onSocket(t, func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		})
		expect(t, sockets.consumer, sockets.at(0), consumer.ReasonStatusUnavailable)
		if err := sockets.lists.Stats().Lists[0].LastError; err == nil || !strings.Contains(err.Error(), "MaxListBytes") {
			t.Errorf("error %v, want one that names MaxListBytes", err)
		}
	})
}

// onSocket makes a world whose issuer is reached over a socket, and whose list is sent by respond.
func onSocket(t *testing.T, respond func(w http.ResponseWriter, list string)) (*world, *bearertest.StatusList) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
		URL: "http://" + server.Listener.Addr().String(), Audience: audience, Algorithms: []string{"ES256"},
	})
	list := issuer.StatusList(1, 64)
	issuer.Fail("/statuslists/1", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { respond(w, list.Token().Sign()) })
	server.Config.Handler = issuer
	server.Start()
	t.Cleanup(server.Close)
	lists := newLists(t, statuslist.Config{
		Issuer: issuer.URL(), Keys: keysOf(t, issuer), HTTPClient: server.Client(), MaxListBytes: 1 << 16, Logger: logscan.Logger(),
	})
	return &world{issuer, list, lists, newConsumer(t, issuer, lists)}, list
}

// Only allowed URLs are fetched, whatever a token of the issuer says.
func TestPlacesOfLists(t *testing.T) {
	t.Parallel()
	under := []string{"https://issuer.test/lists/"}
	for _, test := range []struct {
		urls []string
		uri  string
		want bool
	}{
		{nil, "https://issuer.test/statuslists/1", true},
		{nil, "https://issuer.test:443/lists/1", true},
		{nil, "https://ISSUER.test/1", true},
		{nil, "https://issuer.test", true},
		{nil, "https://issuer.test/1?x=1", true},
		{nil, "http://issuer.test/1", false},
		{nil, "https://issuer.test:8443/1", false},
		{nil, "https://issuer.test.evil.test/1", false},
		{nil, "https://evil.test/https://issuer.test/1", false},
		{nil, "https://issuer.test@evil.test/1", false},
		{nil, "https://user@issuer.test/1", false},
		{nil, "https://issuer.test/1#x", false},
		{nil, "https://sub.issuer.test/1", false},
		{nil, "http://127.0.0.1/1", false},
		{nil, "https://169.254.169.254/latest/meta-data/", false},
		{nil, "file:///etc/passwd", false},
		{nil, "//issuer.test/1", false},
		{nil, "/1", false},
		{nil, "https:issuer.test/1", false},
		{nil, "https://issuer.test\\@evil.test/1", false},
		{nil, "https://issuer.test/\x00", false},
		{under, "https://issuer.test/lists/1", true},
		{under, "https://issuer.test/lists/a/b", true},
		{under, "https://issuer.test/lists/", true},
		{under, "https://issuer.test/lists", false},
		{under, "https://issuer.test/listsx/1", false},
		{under, "https://issuer.test/Lists/1", false},
		{under, "https://issuer.test/lists/../admin", false},
		{under, "https://issuer.test/lists/%2e%2e/admin", false},
		{under, "https://issuer.test/lists/..%2fadmin", false},
		{under, "https://issuer.test/lists/..%5cadmin", false},
		{under, "https://issuer.test/lists/./1", false},
		{under, "https://issuer.test/lists%2f1", false},
		{[]string{"https://issuer.test/one"}, "https://issuer.test/one", true},
		{[]string{"https://issuer.test/one"}, "https://issuer.test/one?x", true},
		{[]string{"https://issuer.test/one"}, "https://issuer.test/one/two", false},
		{[]string{"https://cdn.test", "https://issuer.test/lists/"}, "https://cdn.test/1", true},
		{[]string{"https://cdn.test"}, "https://issuer.test/1", false},
	} {
		var asked []string
		w := newWorld(t, 1, func(cfg *statuslist.Config) {
			cfg.URLs = test.urls
			cfg.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r.URL.String())
				return nil, errors.New("no network")
			})}
		})
		want := consumer.ReasonRevoked
		if test.want {
			want = consumer.ReasonStatusUnavailable // it was requested
		}
		w.expect(t, w.token(reference(0, test.uri)), want)
		if (len(asked) == 1) != test.want {
			t.Errorf("URLs %q, uri %q: requested %q, want %v", test.urls, test.uri, asked, test.want)
		}
	}
}

// The keys of another party verify lists only if the Config names it.
func TestListsOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	other := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://status.test", Audience: audience, Algorithms: []string{"ES256"}})
	list := other.StatusList(1, 8)
	list.Edit(func(token *bearertest.Token) { token.Set("iss", "https://status.test") })
	list.Set(1, 1)
	for name, test := range map[string]struct {
		edit      func(*statuslist.Config)
		want, bad consumer.Reason
	}{
		"by discovery": {func(cfg *statuslist.Config) { cfg.ListIssuer, cfg.Keys = other.URL(), nil }, "", consumer.ReasonRevoked},
		"by keys":      {func(cfg *statuslist.Config) { cfg.ListIssuer, cfg.Keys = other.URL(), keysOf(t, other) }, "", consumer.ReasonRevoked},
		"keys of the issuer of the tokens": {
			func(cfg *statuslist.Config) { cfg.ListIssuer = other.URL() }, consumer.ReasonStatusUnavailable, consumer.ReasonStatusUnavailable,
		},
		"iss of the issuer of the tokens": {
			func(cfg *statuslist.Config) { cfg.URLs, cfg.Keys = []string{other.URL()}, keysOf(t, other) },
			consumer.ReasonStatusUnavailable, consumer.ReasonStatusUnavailable,
		},
		"not named": {func(*statuslist.Config) {}, consumer.ReasonRevoked, consumer.ReasonRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1, func(cfg *statuslist.Config) {
				cfg.HTTPClient = other.Client()
				test.edit(cfg)
			})
			w.expect(t, w.token(list.Claim(0)), test.want)
			w.expect(t, w.token(list.Claim(1)), test.bad)
		})
	}
}

// A list may be signed with a secret, if the operator has configured that secret and nothing else.
func TestSharedSecret(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat([]byte("k"), 32)
	keys, err := jwks.Secret(secret, "HS256")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, 1, func(cfg *statuslist.Config) { cfg.Keys = keys })
	w.expect(t, w.at(0), consumer.ReasonStatusUnavailable) // signed with ES256
	w = newWorld(t, 1, func(cfg *statuslist.Config) { cfg.Keys = keys })
	w.list.Edit(func(token *bearertest.Token) { token.SignWith("HS256", secret) })
	w.expect(t, w.at(0), "")
	w = newWorld(t, 1, nil)
	w.list.Edit(func(token *bearertest.Token) { token.SignWith("HS256", secret) })
	w.expect(t, w.at(0), consumer.ReasonStatusUnavailable)
}

func TestAudienceOfLists(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		audience []string
		aud      any
		want     consumer.Reason
	}{
		{nil, bearertest.Absent, ""},
		{nil, audience, consumer.ReasonStatusUnavailable},
		{[]string{audience}, audience, ""},
		{[]string{audience}, []string{"x", audience}, ""},
		{[]string{audience}, "x", consumer.ReasonStatusUnavailable},
	} {
		w := newWorld(t, 1, func(cfg *statuslist.Config) { cfg.Audience = test.audience })
		w.list.Edit(func(token *bearertest.Token) { token.Set("aud", test.aud) })
		t.Run(fmt.Sprint(test.audience, test.aud), func(t *testing.T) {
			w.expect(t, w.at(0), test.want)
		})
	}
}
