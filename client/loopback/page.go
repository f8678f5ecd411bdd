package loopback

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
)

// The texts that the user's browser shows.
const (
	// notOurs is shown for requests that are rejected. It does not say why.
	notOurs = "This request does not belong to the sign-in."
	// reported is shown for an error response without the state of the sign-in.
	reported = "The sign-in service has reported an error. If you have just tried to sign in, stop the program and try again."
	failed   = "The sign-in has failed. You can close this window and try again."
	signedIn = "You are signed in. You can close this window."
)

// style is the style sheet of the pages. The Content-Security-Policy of a page allows it by its hash, and nothing else.
const style = "body{font:18px/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem}"

// page writes a page with status and text. The page contains no script, no secret, and nothing from the request, so a
// request cannot inject anything into it.
func page(w http.ResponseWriter, status int, text string) {
	// Every page is small and static, so it is built here without a template.
	hash := sha256.Sum256([]byte(style))
	body := "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n" +
		"<title>Sign-in</title>\n<style>" + style + "</style>\n<main><h1>Sign-in</h1><p>" + text + "</p></main>\n</html>\n"
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the URL contains the code
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
