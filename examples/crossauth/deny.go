package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/bearerkit/bearerkit/middleware"
)

// denyHandler returns a DenyHandler that writes the JSON in OAUTH_RESSERVER_ACCESS_DENIED_BODY as the body of every
// rejection. The Guard still sets the status and the challenge. It returns nil if the variable is empty.
func (env environment) denyHandler() (func(http.ResponseWriter, *http.Request, *middleware.Refusal), error) {
	body := []byte(env("OAUTH_RESSERVER_ACCESS_DENIED_BODY"))
	if len(body) == 0 {
		return nil, nil
	}
	if !json.Valid(body) {
		return nil, errors.New(prefix + "OAUTH_RESSERVER_ACCESS_DENIED_BODY is not JSON")
	}
	return func(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(refusal.Status)
		_, _ = w.Write(body)
	}, nil
}
