package statuslist_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
)

// FuzzReference passes any claim status of a verified token to a Lists whose list says VALID for the indexes 0 to 7 and INVALID for
// 8 to 15. It must not panic, must request nothing but that list, and must accept only references to it.
func FuzzReference(f *testing.F) {
	const uri = "https://issuer.test/statuslists/1"
	for _, seed := range []string{
		`{"status_list":{"idx":0,"uri":"` + uri + `"}}`, `{"status_list":{"uri":"` + uri + `","idx":8}}`,
		`{"status_list":{"idx":1e0,"uri":"` + uri + `"},"x":[]}`, `{"status_list":{"idx":-1,"uri":"` + uri + `"}}`,
		`{"status_list":{"idx":0,"uri":"https://evil.test/"}}`, `{"status_list":{"idx":9007199254740992,"uri":"` + uri + `"}}`,
		`{"status_list":{"idx":"0","uri":"` + uri + `"}}`, `{"status_list":[]}`, `{}`, `null`, `"x"`, `1`, `[{}]`,
		`{"status_list":{"idx":0,"uri":"https:\/\/issuer.test\/statuslists\/1"}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, status string) {
		var asked []string
		w := newWorld(t, 1, func(c *statuslist.Config) {
			c.URLs = []string{uri}
			inner := c.HTTPClient.Transport
			c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r.URL.String())
				return inner.RoundTrip(r)
			})}
		})
		for index := 8; index < 64; index++ {
			w.list.Set(index, 1)
		}
		token, err := consumer.NewToken(w.issuer.URL(), json.RawMessage(`{"status":`+status+`}`))
		if err != nil {
			return
		}
		active, err := w.lists.Active(t.Context(), token)
		if err != nil && !errors.Is(err, statuslist.ErrUnavailable) {
			t.Errorf("error %v of no class", err)
		}
		for _, url := range asked {
			if url != uri && !strings.HasPrefix(url, uri+"?") {
				t.Errorf("requested %q", url)
			}
		}
		var reference struct {
			List struct {
				Index float64 `json:"idx"`
				URI   string  `json:"uri"`
			} `json:"status_list"`
		}
		if active && (json.Unmarshal([]byte(status), &reference) != nil || reference.List.URI != uri ||
			reference.List.Index < 0 || reference.List.Index > 7) {
			t.Errorf("accepted %s", status)
		}
	})
}

// FuzzList sends any signed claims as a list. It must not panic or use much memory. If the list is accepted, its size is at most
// the limit.
func FuzzList(f *testing.F) {
	for _, seed := range []string{
		`{"bits":1,"lst":"eNrbuRgAAhcBXQ"}`, `{"bits":2,"lst":"eNo76fITAAPfAgc"}`, `{"bits":8,"lst":"eJwDAAAAAAE"}`,
		`{"bits":1,"lst":"` + base64url(zlibOf(make([]byte, 1<<16))) + `"}`, `{"bits":3,"lst":""}`, `{"bits":1}`, `[]`, `null`,
		`{"bits":1,"lst":"eJwDAAAAAAEeJwDAAAAAAE"}`,
	} {
		f.Add(seed, "")
	}
	f.Add(`{"bits":1,"lst":"eNrbuRgAAhcBXQ"}`, `"ttl":1,`)
	f.Add(`{"bits":1,"lst":"eNrbuRgAAhcBXQ"}`, `"ttl":-1e300,"exp":0,`)
	f.Fuzz(func(t *testing.T, content, more string) {
		const most = 1 << 12
		w := newWorld(t, 1, func(c *statuslist.Config) { c.MaxListBytes = most })
		w.list.Edit(func(token *bearertest.Token) {
			token.Set("status_list", bearertest.Absent).EditClaims(func(claims []byte) []byte {
				return []byte(`{` + more + `"status_list":` + content + `,` + string(claims[1:]))
			})
		})
		token, _ := consumer.NewToken(w.issuer.URL(), claims(t, w.list.Claim(0)))
		_, err := w.lists.Lookup(t.Context(), token)
		stats := w.lists.Stats().Lists
		switch {
		case len(stats) != 1:
			t.Fatalf("%d lists", len(stats))
		case err != nil && !errors.Is(err, statuslist.ErrUnavailable) && !errors.Is(err, statuslist.ErrRejected):
			t.Errorf("error %v of no class", err)
		case stats[0].List.Statuses*int64(stats[0].List.Bits) > most*8:
			t.Errorf("list %+v is too large", stats[0].List)
		}
	})
}

// FuzzResponse sends any body as a response.
func FuzzResponse(f *testing.F) {
	f.Add("")
	f.Add("e30.e30.")
	f.Add("eyJhbGciOiJFUzI1NiIsInR5cCI6InN0YXR1c2xpc3Qrand0In0.e30.AA")
	f.Fuzz(func(t *testing.T, body string) {
		w := newWorld(t, 1, nil)
		w.issuer.Fail("/statuslists/1", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = io.WriteString(rw, body) })
		token, _ := consumer.NewToken(w.issuer.URL(), claims(t, w.list.Claim(0)))
		if active, err := w.lists.Active(t.Context(), token); active || !errors.Is(err, statuslist.ErrUnavailable) {
			t.Errorf("%v, %v for a body that nobody has signed", active, err)
		}
	})
}
