package client

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/challenge"
)

const insufficientAuthentication = "insufficient_user_authentication" // RFC 9470, Section 3

// StepUp returns a copy of o that also meets the requirements in the WWW-Authenticate header of an API's 401 response
// (RFC 9470, Section 4). The acr_values of the challenge replace those of o; its max_age replaces that of o if it is
// shorter. It returns o unchanged, and false, if the header has no such challenge or cannot be parsed. Pass the result to
// [Client.AuthorizationURL], with a Subject or an IDTokenHint so that only the same user can complete it.
func (o AuthorizationOptions) StepUp(header http.Header) (AuthorizationOptions, bool) {
	all, err := challenge.Parse(header.Values("WWW-Authenticate"))
	i := slices.IndexFunc(all, func(c challenge.Challenge) bool { return c.Params["error"] == insufficientAuthentication })
	if err != nil || i < 0 {
		return o, false
	}
	demanded := o
	if acr := strings.Fields(all[i].Params["acr_values"]); len(acr) > 0 {
		demanded.ACRValues = acr
	}
	age, ok := maxAgeOf(all[i])
	if !ok {
		return o, false
	}
	if age > 0 && (demanded.MaxAge == 0 || age < demanded.MaxAge) {
		demanded.MaxAge = age
	}
	return demanded, true
}
