package weblogin

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// login is the login endpoint. It handles GET, because links and redirects lead to it. It changes nothing but a cookie.
//
// Anyone may have written the link. An invalid return_to is ignored, because the user still wants to sign in. An invalid
// value of a parameter in Config.LoginParams is rejected, because the sign-in without it might not be the intended one.
func (a *App) login(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	o, err := a.requestedOptions(query)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if to := query.Get("return_to"); isLocal(to) && !isSignInEndpoint(a.cfg.Prefix, to) {
		o.ReturnTo = to
	}
	a.start(w, r, o)
}

// errOptions says that the application has called Login with options that are not valid.
var errOptions = errors.New("weblogin: Login: the options are not valid")

// Login redirects the user to the authorization server, with options for this sign-in. Each field of o that is not zero
// replaces the same field of Config.Authorization, except that the parameters in o.Extra are added to those in
// Config.Authorization. o.RedirectURI and o.ResponseMode must be empty. o.ReturnTo must be a local path; empty means
// Config.AfterLogin. Login always writes the response. If it cannot start the sign-in, it calls Config.ErrorHandler.
//
// Call Login only for a request with which a browser opens a page. If r comes from a script, a frame or an image, the
// response has status 403.
//
// If an API that the application calls itself requires a stronger sign-in (RFC 9470), create o with
// [client.AuthorizationOptions.StepUp]. Set o.Subject to [User.Subject], so that no other user can complete the sign-in.
// Until it is complete, the current login remains.
func (a *App) Login(w http.ResponseWriter, r *http.Request, o client.AuthorizationOptions) {
	switch {
	case o.RedirectURI != "" || o.ResponseMode != "":
		a.fail(w, r, fmt.Errorf("%w: RedirectURI and ResponseMode must be empty, because Config.Authorization sets them", errOptions))
	case o.ReturnTo != "" && (!isLocal(o.ReturnTo) || isSignInEndpoint(a.cfg.Prefix, o.ReturnTo)):
		a.fail(w, r, fmt.Errorf("%w: ReturnTo is %q, expected a local path outside of the sign-in", errOptions, o.ReturnTo))
	default:
		a.start(w, r, merged(a.cfg.Authorization, o))
	}
}

// start redirects the user to the authorization server. It stores the pending sign-in in a cookie and not in the session
// store, so that many calls cannot fill the store.
func (a *App) start(w http.ResponseWriter, r *http.Request, o client.AuthorizationOptions) {
	if !isTopLevel(r) {
		reject(w, http.StatusForbidden, "not_a_page")
		return
	}
	o.ReturnTo = cmp.Or(o.ReturnTo, a.cfg.AfterLogin)
	pending, err := a.cfg.Client.AuthorizationURL(r.Context(), o)
	if err == nil {
		err = a.pending.Save(w, r, pending)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	http.Redirect(w, r, pending.URL, http.StatusSeeOther) //nolint:gosec // G710: the endpoint comes from the metadata
}

// merged returns base with those fields of change that are not zero. It uses reflection, so that it includes fields that
// are added to the options later.
func merged(base, change client.AuthorizationOptions) client.AuthorizationOptions {
	extra := joined(base.Extra, change.Extra)
	to, from := reflect.ValueOf(&base).Elem(), reflect.ValueOf(change)
	for i := range from.NumField() {
		if field := from.Field(i); !field.IsZero() {
			to.Field(i).Set(field)
		}
	}
	base.Extra = extra
	return base
}

// joined returns the parameters of both. If both have one, that of change counts.
func joined(base, change url.Values) url.Values {
	all := make(url.Values, len(base)+len(change))
	maps.Copy(all, base)
	maps.Copy(all, change)
	return all
}

// withAge returns o with the requirement that the user has signed in within age. A shorter limit of o remains.
func withAge(o client.AuthorizationOptions, age time.Duration) client.AuthorizationOptions {
	if age > 0 && (o.MaxAge == 0 || age < o.MaxAge) {
		o.MaxAge = age
	}
	return o
}

// isSubset reports whether each of the words is in allowed.
func isSubset(words, allowed []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !slices.Contains(allowed, word) })
}
