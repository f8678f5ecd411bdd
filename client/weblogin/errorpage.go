package weblogin

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/client"
)

// advice is the text of the default error page: what happened, and what the user can do.
type advice struct{ Title, Text, Link string }

const (
	titleFailed = "The sign-in did not work"
	signInAgain = "Sign in again"
)

// adviceFor returns the text for an error. It contains nothing that comes from the request, the server, or the application.
func adviceFor(r *http.Request, err error) advice {
	switch _, stepUp := errors.AsType[*StepUpError](err); {
	case errors.Is(err, errNotAccepted): // first, because OnSignIn may return any error
		return advice{titleFailed, "Your account cannot use this application. You can sign in with another account.", signInAgain}
	case stepUp:
		return advice{"Confirm that it is you", "This page needs a stronger or more recent sign-in.", "Confirm"}
	case errors.Is(err, errUnmet):
		return advice{titleFailed, "The sign-in does not meet the requirements of this application. " +
			"If you were asked to confirm that it is you, please sign in as the same user as before.", "Try again"}
	case errors.Is(err, errHook), errors.Is(err, errOptions):
		return advice{titleFailed, "The application could not complete the sign-in. If it fails again, please contact its operator.", signInAgain}
	case errors.Is(err, errParams):
		return advice{titleFailed, "The link that you followed is not valid, or has expired. Please start the sign-in again.", signInAgain}
	case errors.Is(err, client.ErrNotPending) && len(r.Cookies()) == 0:
		return advice{titleFailed, "Your browser did not send the cookie of this sign-in. It may have expired. " +
			"Please allow cookies for this site, and start the sign-in again.", signInAgain}
	case errors.Is(err, client.ErrNotPending):
		return advice{titleFailed, "This sign-in has expired, was completed before, or was started in another browser. Please start it again.", signInAgain}
	case errors.Is(err, client.ErrCallback):
		return advice{titleFailed, "The response of the sign-in service does not belong to this sign-in. Please start it again.", signInAgain}
	case isDeclined(err):
		return advice{"The sign-in was canceled", "You or the sign-in service declined it. You can start it again.", signInAgain}
	case needsUser(err):
		return advice{titleFailed, "The sign-in service needs your input, or requires another way to sign in. Please start the sign-in again.", signInAgain}
	case errors.Is(err, errStore):
		return advice{titleFailed, "The application cannot store your sign-in at the moment. Please try again in a few minutes.", "Try again"}
	case errors.Is(err, client.ErrUnavailable):
		return advice{titleFailed, "The sign-in service cannot be reached at the moment. Please try again in a few minutes.", "Try again"}
	default:
		return advice{titleFailed, "The sign-in service could not complete the sign-in. If it fails again, please contact the operator of this application.", signInAgain}
	}
}

// adviceForLogout is the text if a logout failed. Only the session store can cause that.
func adviceForLogout() advice {
	return advice{Title: "You may still be signed in", Text: "The application could not sign you out at the moment. Please go back and sign out again."}
}

// errorPage is the default error page. It needs no script and no style.
//
//nolint:gochecknoglobals // it is parsed once and never changed
var errorPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{with .Link}}<p><a id="login" href="{{$.Login}}">{{.}}</a></p>
{{end}}<p><a id="start" href="{{.Start}}">Go to the start page</a></p>
</html>
`))

// linkFor returns the URL of the link on the error page. It starts the sign-in that failed again.
func (a *App) linkFor(err error, pending *client.PendingAuthorization) string {
	if stepUp, ok := errors.AsType[*StepUpError](err); ok && !errors.Is(err, errNotAccepted) {
		return stepUp.Login
	}
	query := make(url.Values)
	switch rejected := errors.Is(err, errNotAccepted) || errors.Is(err, errUnmet); {
	case pending == nil: // no sign-in is known that could be repeated
	case rejected && pending.Subject != "": // the user is still signed in; the page that required the sign-in starts it again
		return pending.ReturnTo
	default: // start the sign-in again, for the same page
		query.Set("return_to", pending.ReturnTo)
		if rejected && slices.Contains(pending.Scopes, "openid") {
			query.Set("prompt", promptLogin) // otherwise a server may use the same account again, without a question
		}
	}
	if len(query) == 0 {
		return a.cfg.Prefix + "login"
	}
	return a.cfg.Prefix + "login?" + query.Encode()
}

// showError writes the default error page.
func (a *App) showError(w http.ResponseWriter, r *http.Request, status int, err error, pending *client.PendingAuthorization) {
	shown := adviceFor(r, err)
	// A logout has texts of its own: another sign-in would not help the user.
	if strings.TrimPrefix(r.URL.Path, a.cfg.Prefix) == "logout" {
		shown = adviceForLogout()
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	// The start page is the one after a logout, which every visitor can open without a sign-in.
	w.WriteHeader(status)
	_ = errorPage.Execute(w, struct { // an error means that the browser is gone
		advice
		Login, Start string
	}{shown, a.linkFor(err, pending), a.cfg.AfterLogout})
}
