package middleware

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
)

const (
	tokenParameter = "access_token" // RFC 6750 sections 2.2 and 2.3
	maxFormBytes   = 1 << 20        // 1 MiB
)

// These errors are for operators. The client receives only the error code.
var (
	errRepeated  = &detailed{ErrInvalidRequest, "the parameter access_token is repeated, expected one"}
	errEmpty     = &detailed{ErrInvalidRequest, "the parameter access_token is empty"}
	errForm      = &detailed{ErrInvalidRequest, "the form cannot be read or has characters that are not ASCII"}
	errQuery     = &detailed{ErrInvalidRequest, "the query has a token but cannot be parsed"}
	errLargeForm = &detailed{ErrInvalidRequest, "the form is larger than 1 MiB"}
)

// FormToken is a [TokenSource] that reads the parameter access_token of a form (RFC 6750 section 2.2). It reads POST,
// PUT and PATCH requests whose body has the type application/x-www-form-urlencoded. The handler can still read or parse
// the body afterwards.
//
// FormToken returns [ErrNoToken] if the request has no such form or no such parameter. It returns [ErrInvalidRequest]
// if the parameter is repeated or empty, or if a form with a token is malformed or not ASCII. It also returns
// ErrInvalidRequest for every form of more than 1 MiB, even if the request has a token elsewhere, because the rest of
// the form might contain a second token.
func FormToken(r *http.Request) (string, error) {
	if !hasForm(r) {
		return "", ErrNoToken
	}
	if r.PostForm != nil { // the body was parsed before
		return single(r.PostForm[tokenParameter])
	}
	body, err := peekBody(r)
	if err != nil {
		return "", err
	}
	// ParseQuery returns the part that it could parse even if it returns an error. A malformed form in which it finds no
	// token is left to the handler.
	form, err := url.ParseQuery(string(body))
	tokens := form[tokenParameter]
	if len(tokens) > 0 && (err != nil || !isASCII(body)) {
		return "", errForm
	}
	return single(tokens)
}

// hasForm reports whether the body is a form in which RFC 6750 section 2.2 allows a token.
func hasForm(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		return err == nil && mediaType == "application/x-www-form-urlencoded" && r.Body != nil
	}
	return false
}

// peekBody returns the body and replaces r.Body by one that reads the same bytes again.
func peekBody(r *http.Request) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes+1)) // one more, to detect a larger form
	r.Body = rewound{io.MultiReader(bytes.NewReader(read), r.Body), r.Body}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	if len(read) > maxFormBytes {
		return nil, errLargeForm
	}
	return read, nil
}

// rewound is a body that reads the first bytes again. Close closes the original body.
type rewound struct {
	io.Reader
	io.Closer
}

// QueryToken is a [TokenSource] that reads the parameter access_token of the URL (RFC 6750 section 2.3). Use it only
// for clients that support nothing else: URLs appear in logs, histories and Referer headers, and RFC 9700 section 4.3.2
// forbids clients to send tokens in them.
//
// QueryToken returns [ErrNoToken] if the URL has no such parameter. It returns [ErrInvalidRequest] if the parameter is
// repeated or empty, or if another part of the query is malformed.
func QueryToken(r *http.Request) (string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	tokens := query[tokenParameter]
	if len(tokens) > 0 && err != nil { // the part that was not parsed may be a second token
		return "", errQuery
	}
	return single(tokens)
}

// single returns the only value of the parameter. A repeated or empty parameter is an error, because it is not clear what
// the client meant.
func single(tokens []string) (string, error) {
	switch {
	case len(tokens) == 0:
		return "", ErrNoToken
	case len(tokens) > 1:
		return "", errRepeated
	case tokens[0] == "":
		return "", errEmpty
	}
	return tokens[0], nil
}

// isASCII reports whether a form consists of ASCII characters, as RFC 6750 section 2.2 requires.
func isASCII(data []byte) bool {
	for _, c := range data {
		if c > 0x7e {
			return false
		}
	}
	return true
}
