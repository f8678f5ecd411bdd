package weblogin

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// The bounds of an authorization response that arrives as a form. Anyone can send such a form.
const (
	maxPostedBytes  = 96 << 10 // a signed response, or an additional ID token, of 64 KiB, and other fields
	maxPostedFields = 50
	postedTimeout   = 15 * time.Second // to read the form
)

// resubmitted is the field of a form that the App's own page has sent. It keeps that page from sending the form again.
const resubmitted = "weblogin_resubmitted"

// isPosted reports whether the authorization response is a POST request.
func (a *App) isPosted() bool {
	return strings.HasPrefix(a.cfg.Authorization.ResponseMode, "form_post")
}

// posted handles an authorization response that arrives as a form (OAuth 2.0 Form Post Response Mode). A page of the
// authorization server sends it, so the browser does not add the SameSite=Lax cookies of the session and of the sign-in.
// Without them, the response is a page that sends the same form once more. That request comes from the application's own
// origin and has the cookies. Nothing is stored, so many such requests cannot fill the store or the browser.
func (a *App) posted(w http.ResponseWriter, r *http.Request) {
	params, err := readPosted(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	again := params.Has(resubmitted)
	params.Del(resubmitted)
	if !again && !a.isPending(r, stateOf(params)) {
		a.resubmit(w, r, params)
		return
	}
	a.withSession(func(w http.ResponseWriter, r *http.Request) { a.finish(w, r, params) }, a.fail)(w, r)
}

// readPosted reads the form of an authorization response within limits of size and time. It ignores the query.
func readPosted(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPostedBytes+int64(len(resubmitted)+len("&=1")))
	connection := http.NewResponseController(w)
	limited := connection.SetReadDeadline(time.Now().Add(postedTimeout)) == nil
	err := r.ParseForm()
	if limited && err == nil {
		err = connection.SetReadDeadline(time.Time{}) // the deadline must not end the context of the request
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the form cannot be read", client.ErrCallback)
	}
	switch params := r.PostForm; {
	case len(params) > maxPostedFields+1 || len(params) > maxPostedFields && !params.Has(resubmitted): // which is not counted
		return nil, fmt.Errorf("%w: the form has more than %d fields", client.ErrCallback, maxPostedFields)
	case stateOf(params) == "":
		return nil, fmt.Errorf("%w: the form has no state", client.ErrCallback)
	case slices.ContainsFunc(slices.Collect(maps.Values(params)), func(values []string) bool { return len(values) > 1 }):
		return nil, fmt.Errorf("%w: a field occurs twice", client.ErrCallback)
	default:
		return params, nil
	}
}

// isPending reports whether the request has the cookie of the sign-in with this state.
func (a *App) isPending(r *http.Request, state string) bool {
	return slices.ContainsFunc(a.pending.Pending(r), func(p *client.PendingAuthorization) bool { return p.State == state })
}

// submit is the script of the page. A field may have the name "submit", so it does not call the form's own property.
const submit = `HTMLFormElement.prototype.submit.call(document.forms[0])`

// resubmitPage sends the form again. Without scripts, the user presses the button.
//
//nolint:gochecknoglobals // it is parsed once and never changed
var resubmitPage = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Signing in</title>
<form method="post" action="{{.Action}}">{{range $name, $values := .Fields}}<input type="hidden" name="{{$name}}" value="{{index $values 0}}">{{end}}
<input type="hidden" name="` + resubmitted + `" value="1"><button>Continue</button></form><script>` + submit + `</script></html>
`))

// resubmit writes the page that sends params to the callback again. params are in its body only, not in its URL or in a
// header.
//
// The Content-Security-Policy allows only this script. It has no form-action, because browsers also apply that to the
// redirects after the form, and the application may redirect the user to another site.
func (a *App) resubmit(w http.ResponseWriter, _ *http.Request, params url.Values) {
	hash := sha256.Sum256([]byte(submit))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+
		"'; base-uri 'none'; frame-ancestors 'none'")
	_ = resubmitPage.Execute(w, struct { // an error means that the browser is gone
		Action string
		Fields url.Values
	}{a.cfg.Prefix + "callback", params})
}
