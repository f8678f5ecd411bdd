package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// fetch requests the set once. Without an error, the set has at least one usable key. The media type of the response is
// not checked, because issuers do not agree on one; a body that does not parse as a JWK Set is an error anyway.
func (r *Remote) fetch(ctx context.Context, held *set) (got refresh.Fetched[*set], err error) {
	resp, err := fetch.Get(ctx, r.cfg.URL, fetch.Options{
		Client:    r.cfg.HTTPClient,
		Header:    requestHeader(held),
		MaxBytes:  r.cfg.MaxBytes,
		Timeout:   r.cfg.Timeout,
		AllowHTTP: r.cfg.InsecureAllowHTTP,
	})
	if err != nil {
		return got, r.cfg.advised(err)
	}
	got.FreshFor = freshness(resp.Header, time.Now())
	if resp.Status == http.StatusNotModified { // fetch.Get accepts it only if the request was conditional
		got.Value = held
		return got, nil
	}
	got.Value, err = parseSet(string(resp.Body), r.cfg.MaxKeys, held)
	if err == nil { // else the set is not used, and is returned only to report its keys
		got.Value.etag = entityTag(resp.Header.Get("ETag"))
	}
	return got, err
}

// advised adds to err which field of Config to change. A redirect is not followed, because it can move the trust in the keys
// to another host. The key set that discovery has found has no Config of its own, so the advice also fits Config.Keys.
func (cfg Config) advised(err error) error {
	if _, redirected := errors.AsType[*fetch.RedirectError](err); redirected {
		return fmt.Errorf("%w; if that location has the issuer's keys, set Config.Keys to jwks.New with it as jwks.Config.URL", err)
	}
	if expired, ok := errors.AsType[*fetch.TimeoutError](err); ok {
		if expired.Limit < cfg.Timeout {
			return fmt.Errorf("%w; the Timeout of HTTPClient is shorter than jwks.Config.Timeout, which is %v", err, cfg.Timeout)
		}
		return fmt.Errorf("%w; if the issuer is slow, increase jwks.Config.Timeout", err)
	}
	if _, large := errors.AsType[*fetch.TooLargeError](err); large {
		return fmt.Errorf("%w; if the key set is that long, increase jwks.Config.MaxBytes", err)
	}
	return err
}

// requestHeader returns the header of a request for the set. If the set held has an entity tag, the request is conditional
// (RFC 9110 §13.1.2).
func requestHeader(held *set) http.Header {
	h := http.Header{"Accept": {"application/jwk-set+json, application/json;q=0.9, */*;q=0.1"}}
	if held != nil && held.etag != "" {
		h.Set("If-None-Match", held.etag)
	}
	return h
}

// entityTag returns tag if it is a valid entity tag (RFC 9110 §8.8.3) of at most 256 bytes, and an empty string otherwise.
// The tag is sent back to the issuer as it is.
func entityTag(tag string) string {
	opaque := strings.TrimPrefix(tag, "W/") // the prefix of a weak tag, which also identifies a version of the document
	if len(opaque) < 2 || len(tag) > 256 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
		return ""
	}
	if strings.ContainsFunc(opaque[1:len(opaque)-1], func(c rune) bool { return c <= ' ' || c > '~' || c == '"' }) {
		return ""
	}
	return tag
}
