package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"

	"github.com/bearerkit/bearerkit/middleware"
)

// bodyVariable contains the body of rejections. It is not a field of a Config, so FromEnv does not read it.
const bodyVariable = "CROSSAUTH_OAUTH_RESSERVER_ACCESS_DENIED_BODY"

// denyHandler returns a DenyHandler that writes the JSON in bodyVariable as the body of every rejection. The Guard still
// sets the status and the challenge. It returns nil if the variable is empty.
func denyHandler() (func(http.ResponseWriter, *http.Request, *middleware.Refusal), error) {
	body := []byte(os.Getenv(bodyVariable))
	if len(body) == 0 {
		return nil, nil
	}
	if !json.Valid(body) {
		return nil, errors.New(bodyVariable + " is not JSON")
	}
	return func(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(refusal.Status)
		_, _ = w.Write(body)
	}, nil
}
