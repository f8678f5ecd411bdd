package connectauth

import (
	"context"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// policy is the handler of [New].
type policy struct {
	next       http.Handler
	procedures map[string]http.Handler // by path
	services   map[string]http.Handler // by the path without the method
	unlisted   guard                   // for all other paths
}

// ServeHTTP implements [http.Handler].
func (p *policy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if listed := p.lookup(r); listed != nil {
		listed.ServeHTTP(w, r)
		return
	}
	_, err := p.unlisted.Authenticate(r, p.unlisted.rules...)
	if err == nil { // a preflight that Config.AllowPreflight lets pass
		err = middleware.ErrNoToken
	}
	p.unlisted.deny(w, r, err)
}

// lookup returns the handler for the path of r, or nil.
func (p *policy) lookup(r *http.Request) http.Handler {
	path := r.URL.Path
	if listed, ok := p.procedures[path]; ok && r.URL.RawPath == "" {
		return listed
	}
	service, _, ok := split(path)
	if !ok || r.URL.RawPath != "" { // next may read an encoded path as another procedure
		return nil
	}
	return p.services[service]
}

// unlisted returns the rule for paths that the policy does not list. It rejects every token.
func unlisted() middleware.Rule {
	return middleware.Check("unlisted procedure", func(context.Context, *consumer.Token) error {
		return &middleware.Refusal{
			Status: http.StatusForbidden,
			Detail: "no path in Config.Policy or Config.Public matches the request (connectauth.Config)",
		}
	})
}
