package middleware

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
)

// TokenSource reads the token from one place of a request: [FormToken], [QueryToken], [CookieToken], or a function of
// one's own, say for a session store. It returns "" where the place holds none.
//
// An error is answered as [Guard.Deny] does: with 400 if it matches [ErrInvalidRequest], with 503 if it matches
// [consumer.ErrUnavailable], with 500 if it is none that the kit knows. [ErrNoToken] is as good as "". A TokenSource is
// called once for every Guard and With that a request passes.
type TokenSource func(r *http.Request) (token string, err error)

const (
	tokenParameter = "access_token"
	maxFormBytes   = 1 << 20
)

var (
	errRepeated  = fmt.Errorf("%w: the token parameter is repeated", ErrInvalidRequest)
	errEmpty     = fmt.Errorf("%w: the token parameter is empty", ErrInvalidRequest)
	errForm      = fmt.Errorf("%w: the form cannot be read", ErrInvalidRequest)
	errQuery     = fmt.Errorf("%w: the query cannot be read", ErrInvalidRequest)
	errLargeForm = fmt.Errorf("%w: the form is larger than 1 MiB", ErrInvalidRequest)
)

// FormToken is a [TokenSource]: the parameter access_token of a POST, PUT or PATCH request whose body is a form of type
// application/x-www-form-urlencoded in ASCII (RFC 6750 §2.2). The body can still be read afterwards, and parsed. A form
// of more than 1 MiB is refused, also when the token is elsewhere, as nobody can tell what else is in it.
func FormToken(r *http.Request) (string, error) {
	if !hasForm(r) {
		return "", nil
	}
	if r.PostForm != nil { // someone has read the body
		return single(r.PostForm[tokenParameter])
	}
	body, err := peekBody(r)
	if err != nil {
		return "", err
	}
	form, err := url.ParseQuery(string(body))
	tokens := form[tokenParameter]
	if len(tokens) > 0 && (err != nil || !isASCII(body)) {
		return "", errForm
	}
	return single(tokens)
}

func hasForm(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		return err == nil && mediaType == "application/x-www-form-urlencoded" && r.Body != nil
	}
	return false
}

// peekBody returns the body and leaves r as if nobody had read it.
func peekBody(r *http.Request) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1))
	r.Body = rewound{io.MultiReader(bytes.NewReader(read), r.Body), r.Body}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	if len(read) > maxFormBytes {
		return nil, errLargeForm
	}
	return read, nil
}

type rewound struct {
	io.Reader
	io.Closer
}

// QueryToken is a [TokenSource]: the parameter access_token of the URL (RFC 6750 §2.3). URLs end up in logs, histories
// and Referer headers, so RFC 9700 §4.3.2 forbids clients to send tokens this way: use it for clients that can do no
// other.
func QueryToken(r *http.Request) (string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	tokens := query[tokenParameter]
	if len(tokens) > 0 && err != nil { // what could not be read may be a second token
		return "", errQuery
	}
	return single(tokens)
}

// CookieToken returns a [TokenSource]: the cookie called name. Let the name begin with "__Host-", so that browsers set
// the cookie only over TLS and keep it from neighbouring hosts; an empty cookie is none.
//
// A browser sends its cookies with requests that other sites make it send, so requests that change anything need a
// protection against cross-site request forgery besides: [http.CrossOriginProtection] around the Guard is one.
func CookieToken(name string) TokenSource {
	return func(r *http.Request) (string, error) {
		cookies := r.CookiesNamed(name)
		if len(cookies) == 0 {
			return "", nil
		}
		if len(cookies) > 1 {
			return "", errRepeated
		}
		return cookies[0].Value, nil
	}
}

func single(tokens []string) (string, error) {
	switch {
	case len(tokens) == 0:
		return "", nil
	case len(tokens) > 1:
		return "", errRepeated
	case tokens[0] == "":
		return "", errEmpty
	}
	return tokens[0], nil
}

func isASCII(data []byte) bool {
	for _, c := range data {
		if c > 0x7e {
			return false
		}
	}
	return true
}
