package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client/weblogin"
)

//go:embed pages
var files embed.FS

// withPolicy lets pages load what this host has, and nothing inline. The provider is where the form of the logout leads.
func withPolicy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// public are the pages that need no login. The script of the first talks to /auth/session and to /api/.
func public(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		show(w, http.StatusOK, "home.html", nil)
	case "/signed-out":
		show(w, http.StatusOK, "message.html", message{"Signed out", "You are signed out, here and at the provider.", "/auth/login", "Sign in again"})
	case "/app.js", "/app.css", "/icon.svg":
		http.ServeFileFS(w, r, files, "pages"+r.URL.Path) //nolint:gosec // it is one of three names
	default:
		show(w, http.StatusNotFound, "message.html", message{"Not found", "There is no such page.", "/", "To the shop"})
	}
}

type message struct{ Title, Text, Link, LinkText string }

// signInFailed says what the user can do. Why it failed is for the log.
func signInFailed(w http.ResponseWriter, _ *http.Request, status int, _ error) {
	text := map[int]string{
		http.StatusBadRequest:         "That sign-in is over or was begun in another browser. Begin again.",
		http.StatusForbidden:          "The provider says no, or you did.",
		http.StatusServiceUnavailable: "The provider cannot be reached. Try again in a while.",
	}[status]
	if text == "" {
		text = "Something is wrong between this shop and the provider."
	}
	show(w, status, "message.html", message{"The sign-in has failed", text, "/auth/login", "Sign in"})
}

// profile is a page that only its user sees. It has what is known of the token, and not the token.
func profile(w http.ResponseWriter, r *http.Request) {
	u, _ := weblogin.UserFromContext(r.Context())
	page := struct {
		Claims [][2]string
		Token  [][2]string
	}{Claims: rows(u.Claims())}
	if token, err := u.Token(r.Context()); err == nil {
		refresh := "no: sign in again when it ends"
		if token.RefreshToken != "" {
			refresh = "yes, on the server"
		}
		page.Token = [][2]string{
			{"Type", token.TokenType},
			{"Scopes", strings.Join(token.Scopes, " ")},
			{"Ends", token.Expiry.UTC().Format(time.DateTime + " MST")},
			{"Refreshed", refresh},
			{"Kept", "on the server; this page does not have it"},
		}
	}
	show(w, http.StatusOK, "profile.html", page)
}

func rows(claims map[string]any) (all [][2]string) {
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		all = append(all, [2]string{name, text(name, claims[name])})
	}
	return all
}

// text shows a time as one (RFC 7519 §2, NumericDate).
func text(name string, value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	var seconds float64
	if slices.Contains([]string{"exp", "iat", "auth_time", "updated_at"}, name) && json.Unmarshal(encoded, &seconds) == nil {
		return time.Unix(int64(seconds), 0).UTC().Format(time.DateTime + " MST")
	}
	return string(encoded)
}

func show(w http.ResponseWriter, status int, name string, data any) {
	t, err := template.ParseFS(files, "pages/layout.html", "pages/"+name)
	if err != nil {
		http.Error(w, "there is no page", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := t.ExecuteTemplate(w, "layout.html", data); err != nil {
		_, _ = fmt.Fprintln(w, "</html>") // whoever is gone needs no page
	}
}
