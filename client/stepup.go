package client

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const insufficientAuthentication = "insufficient_user_authentication" // RFC 9470 §3

// StepUp returns o with what an API demands of the sign-in, by the header of its refusal (RFC 9470 §4): its acr_values in
// place of those of o, and its max_age where that is less. It reports false, and o as it is, if the header demands nothing
// of the kind, or cannot be read. Send the user there by [Client.AuthorizationURL], with an IDTokenHint so that nobody else
// comes back.
func (o AuthorizationOptions) StepUp(header http.Header) (AuthorizationOptions, bool) {
	all, err := parseChallenges(header.Values("WWW-Authenticate"))
	i := slices.IndexFunc(all, func(c challenge) bool { return c.params["error"] == insufficientAuthentication })
	if err != nil || i < 0 {
		return o, false
	}
	demanded := o
	if acr := strings.Fields(all[i].params["acr_values"]); len(acr) > 0 {
		demanded.ACRValues = acr
	}
	if text, ok := all[i].params["max_age"]; ok {
		seconds, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return o, false
		}
		age := time.Duration(max(seconds, 1)) * time.Second // none at all is said by a second
		if demanded.MaxAge == 0 || age < demanded.MaxAge {
			demanded.MaxAge = age
		}
	}
	return demanded, true
}
