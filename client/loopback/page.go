package loopback

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
)

// What the user's browser shows at the end.
const (
	notOurs  = "This is not the answer that was waited for."
	failed   = "The sign-in has failed. You can close this window, and try again where you began."
	signedIn = "You are signed in. You can close this window."
)

const style = "body{font:18px/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1.5rem}"

// page has no script, no secret, and nothing of the request in it.
func page(w http.ResponseWriter, status int, text string) {
	hash := sha256.Sum256([]byte(style))
	body := "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n" +
		"<title>Sign-in</title>\n<style>" + style + "</style>\n<main><h1>Sign-in</h1><p>" + text + "</p></main>\n</html>\n"
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the address holds the code
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
