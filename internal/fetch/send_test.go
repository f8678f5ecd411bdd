package fetch_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// Every status is a valid response. The error for a response that is too long contains its status.
func TestSendBounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header http.Header
		body   string
		limit  int64 // zero: the response is valid
	}{
		"good":              {nil, `{"error":"x"}`, 0},
		"the limit":         {nil, strings.Repeat("x", 100), 0},
		"past it":           {nil, strings.Repeat("x", 101), 100},
		"a long header":     {http.Header{"X": {strings.Repeat("x", fetch.MaxHeaderBytes)}}, "", fetch.MaxHeaderBytes},
		"a header of many":  {http.Header{"X": make([]string, fetch.MaxHeaderBytes+1)}, "", fetch.MaxHeaderBytes},
		"an ordinary one":   {http.Header{"X": {strings.Repeat("x", fetch.MaxHeaderBytes-1)}}, "", 0},
		"moved, to nowhere": {http.Header{"Location": {""}}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := fetch.Send(t.Context(), http.MethodPost, "https://a.example/token?secret=1", []byte("x"), fetch.Options{
				Client: answer(http.StatusServiceUnavailable, test.header, test.body), MaxBytes: 100,
			})
			if test.limit == 0 {
				if err != nil || got.Status != http.StatusServiceUnavailable || string(got.Body) != test.body {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			over, ok := errors.AsType[*fetch.TooLargeError](err)
			if !ok || got != nil || over.Limit != test.limit || over.Status != http.StatusServiceUnavailable || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
