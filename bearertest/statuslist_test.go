package bearertest_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

// The Issuer serves each list at its URL, with the bits that the test has set (section 4.1 of the draft).
func TestStatusList(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://issuer.test", "https://issuer.test/", "https://issuer.test/realms/a"} {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: url})
		issuer.StatusList(1, 8)
		list := issuer.StatusList(2, 9)
		if want := strings.TrimSuffix(url, "/") + "/statuslists/2"; list.URL() != want {
			t.Errorf("URL %q, want %q", list.URL(), want)
		}
		list.Set(0, 1)
		list.Set(1, 2)
		list.Set(3, 3)
		list.Set(3, 1)
		list.Set(8, 0xff)
		list.Edit(func(token *bearertest.Token) { token.Set("ttl", 5) })

		r, rec := httptest.NewRequestWithContext(t.Context(), http.MethodGet, list.URL(), nil), httptest.NewRecorder()
		issuer.ServeHTTP(rec, r)
		raw := rec.Body.String()
		if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "application/statuslist+jwt" {
			t.Errorf("status %d, header %v", rec.Code, rec.Header())
		}
		var claims struct {
			Subject string `json:"sub"`
			TTL     int    `json:"ttl"`
			List    struct {
				Bits int    `json:"bits"`
				Text string `json:"lst"`
			} `json:"status_list"`
		}
		payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		if claims.Subject != list.URL() || claims.TTL != 5 || claims.List.Bits != 2 {
			t.Errorf("claims %s", payload)
		}
		compressed, _ := base64.RawURLEncoding.DecodeString(claims.List.Text)
		reader, err := zlib.NewReader(bytes.NewReader(compressed))
		if err != nil {
			t.Fatal(err)
		}
		packed, err := io.ReadAll(reader)
		if diff := cmp.Diff([]byte{0b01_00_10_01, 0, 0b11}, packed); diff != "" || err != nil {
			t.Errorf("%v: %s", err, diff)
		}
		want := map[string]any{"status_list": map[string]any{"idx": 7, "uri": list.URL()}}
		if diff := cmp.Diff(want, list.Claim(7)); diff != "" {
			t.Errorf("Claim: %s", diff)
		}
	}
}
