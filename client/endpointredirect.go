package client

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// redirected returns the error for an endpoint that redirects. A redirect is not followed, because the request has secrets.
// The error names the new location, and the field that takes it. err is the error with the location, which is replaced if the
// location may have one of the secrets that were sent, or is too long to be checked: the server chooses it.
func redirected(r *fetch.RedirectError, err error, to destination, sent secrets) error {
	const advice = "if the endpoint has moved, set %s to its new location"
	if len(r.Location) > maxCheckedText || sent.in(r.Location) {
		return fmt.Errorf("%w: status %d redirects to a location that is not shown, because it may have a credential; "+advice,
			ErrBadResponse, r.Status, to.field())
	}
	return fmt.Errorf("%w: %w; "+advice, ErrBadResponse, err, to.field())
}

// field returns the field of the Config that replaces the URL of a destination. Only the URLs of the MFA API have no name.
func (to destination) field() string {
	if to.name == "" {
		return "Config.MFAURL"
	}
	return fmt.Sprintf("Config.Endpoints[%q]", to.name)
}

// formOf returns the parameters in the body of a request.
func formOf(body []byte, header http.Header) url.Values {
	if !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
		form, _ := url.ParseQuery(string(body)) // this package has encoded it
		return form
	}
	form := make(url.Values)
	object, _ := compact.ParseObject(string(body), maxDepth)
	for name, value := range object.All() {
		if text, ok := value.Text(); ok {
			form.Set(name, text)
		}
	}
	return form
}
