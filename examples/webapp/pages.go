package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client/weblogin"
)

// files has the folder pages, so that the program needs no other files when it runs.
//
//go:embed pages
var files embed.FS

// withPolicy returns a handler that adds security headers to each response of next. Pages may load scripts, styles and
// images from this host only, and nothing inline. The policy has no form-action, because browsers would also apply it to
// the redirect that follows the logout form, which leads to the provider.
func withPolicy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"base-uri 'none'; frame-ancestors 'none'")
		// Do not send the address of a page to other sites, and do not let them open it in a window that they control.
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// public serves the pages and files that need no login. Whether a user is signed in makes no difference here: the script
// app.js calls /auth/session to find out, and the API below /api/.
func public(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		show(w, http.StatusOK, "home.html", nil)
	case "/signed-out":
		show(w, http.StatusOK, "message.html", message{"Signed out", "You are signed out, here and at the provider.", "/auth/login", "Sign in again"})
	case "/app.js", "/app.css", "/icon.svg":
		http.ServeFileFS(w, r, files, "pages"+r.URL.Path) //nolint:gosec // it is one of three file names
	default:
		show(w, http.StatusNotFound, "message.html", message{"Not found", "There is no such page.", "/", "To the shop"})
	}
}

// message is the data of message.html, a page with one link.
type message struct{ Title, Text, Link, LinkText string }

// accept is the OnSignIn of the App. It rejects users who have an email address that the provider has not verified. A real
// application could look up the user in its database here.
func accept(_ context.Context, s *weblogin.SignIn) error {
	id := s.Token.IDClaims // nil without the scope openid
	if id == nil {
		return nil
	}
	claims := id.Claims()
	if verified, there := claims["email_verified"].(bool); claims["email"] != nil && there && !verified {
		return errors.New("the email address is not verified")
	}
	return nil
}

// signInFailed is the ErrorHandler of the App. Its page says what the user can do. It does not show the error, which may
// quote the provider. Without an ErrorHandler, the App shows a plain page that does the same.
func signInFailed(w http.ResponseWriter, _ *http.Request, status int, err error) {
	// An API requires a stronger sign-in. The APIs of this program do not.
	if stepUp, ok := errors.AsType[*weblogin.StepUpError](err); ok {
		show(w, status, "message.html", message{"Confirm that it is you", "This page needs a stronger sign-in.", stepUp.Login, "Confirm"})
		return
	}
	text := map[int]string{
		// The statuses with which weblogin calls an ErrorHandler.
		http.StatusBadRequest:         "This sign-in has expired or was started in another browser. Please start again.",
		http.StatusForbidden:          "The provider or the shop did not allow the sign-in, or you canceled it.",
		http.StatusServiceUnavailable: "The provider cannot be reached. Please try again in a few minutes.",
	}[status]
	if text == "" {
		text = "The shop and the provider could not complete the sign-in."
	}
	show(w, status, "message.html", message{"The sign-in has failed", text, "/auth/login", "Sign in"})
}

// profile shows the claims of the signed-in user, and facts about the access token, but not the token itself.
func profile(w http.ResponseWriter, r *http.Request) {
	u, ok := weblogin.UserFromContext(r.Context())
	if !ok { // this happens only if the handler is not behind RequireLogin
		http.Error(w, "not signed in", http.StatusUnauthorized)
		return
	}
	page := struct {
		Claims [][2]string
		Token  [][2]string
	}{Claims: rows(u.Claims())}
	// Token refreshes the token if it has expired. If that fails, the page shows no token, and a link to sign in again.
	if token, err := u.Token(r.Context()); err == nil {
		refresh := "no: sign in again when it expires"
		if token.RefreshToken != "" {
			refresh = "yes, on the server"
		}
		page.Token = [][2]string{
			{"Type", token.TokenType},
			{"Scopes", strings.Join(token.Scopes, " ")},
			{"Expires", token.Expiry.UTC().Format(time.DateTime + " MST")},
			{"Refreshed", refresh},
			{"Stored", "on the server; this page does not have it"},
		}
	}
	show(w, http.StatusOK, "profile.html", page)
}

// rows returns the claims as rows of a table, sorted by name.
func rows(claims map[string]any) (all [][2]string) {
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		all = append(all, [2]string{name, text(name, claims[name])})
	}
	return all
}

// text formats a claim as text. Claims that are times are numbers of seconds since 1970 (NumericDate, RFC 7519, Section
// 2).
func text(name string, value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	// A claim is of any JSON type. Only numbers of seconds are shown as times.
	var seconds float64
	if slices.Contains([]string{"exp", "iat", "auth_time", "updated_at"}, name) && json.Unmarshal(encoded, &seconds) == nil {
		return time.Unix(int64(seconds), 0).UTC().Format(time.DateTime + " MST")
	}
	return string(encoded)
}

// show writes a page: the template name inside layout.html. html/template escapes the data, so a claim cannot inject
// HTML.
func show(w http.ResponseWriter, status int, name string, data any) {
	// Parsing the templates for each request is slow. A real application parses them once, when it starts.
	t, err := template.ParseFS(files, "pages/layout.html", "pages/"+name)
	if err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := t.ExecuteTemplate(w, "layout.html", data); err != nil {
		_, _ = fmt.Fprintln(w, "</html>") // the response has begun, so its status cannot change
	}
}
