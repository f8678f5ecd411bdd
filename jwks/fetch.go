package jwks

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// fetch asks for the set once. Only a set with at least one usable key comes without an error. The media type is not
// looked at: issuers do not agree on one, and a document that reads as a JWK Set is no other.
func (r *Remote) fetch(ctx context.Context, held *set) (got refresh.Fetched[*set], err error) {
	resp, err := fetch.Get(ctx, r.cfg.URL, fetch.Options{
		Client:    r.cfg.HTTPClient,
		Header:    requestHeader(held),
		MaxBytes:  r.cfg.MaxBytes,
		Timeout:   r.cfg.Timeout,
		AllowHTTP: r.cfg.InsecureAllowHTTP,
	})
	if err != nil {
		return got, err
	}
	got.FreshFor = freshness(resp.Header, time.Now())
	if resp.Status == http.StatusNotModified {
		got.Value = held
		return got, nil
	}
	got.Value, err = parseSet(string(resp.Body), r.cfg.MaxKeys, held)
	if err == nil {
		got.Value.etag = entityTag(resp.Header.Get("ETag"))
	}
	return got, err
}

// requestHeader makes the request conditional (RFC 9110 §13.1.2) on the set held.
func requestHeader(held *set) http.Header {
	h := http.Header{"Accept": {"application/jwk-set+json, application/json;q=0.9, */*;q=0.1"}}
	if held != nil && held.etag != "" {
		h.Set("If-None-Match", held.etag)
	}
	return h
}

// entityTag returns tag if it is one (RFC 9110 §8.8.3) of moderate length, for it is sent back as it is.
func entityTag(tag string) string {
	opaque := strings.TrimPrefix(tag, "W/")
	if len(opaque) < 2 || len(tag) > 256 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
		return ""
	}
	if strings.ContainsFunc(opaque[1:len(opaque)-1], func(c rune) bool { return c <= ' ' || c > '~' || c == '"' }) {
		return ""
	}
	return tag
}
