package client

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/quirk"
)

const (
	maxDepth      = 16      // nesting of JSON
	maxErrorBody  = 4 << 10 // bytes of an error response that are kept
	byteOrderMark = "\uFEFF"
)

// reply says what a successful response of an endpoint looks like.
type reply struct {
	name     string   // for quirks and error texts, such as "token response"
	rfc      string   // the section that describes the response
	statuses []int    // those of the RFC; any other 2xx is a quirk
	required string   // the member without which a response is not a success; empty if there is none
	accept   string   // the wanted media type; empty means application/json
	members  []string // those whose meaning must be unambiguous: a duplicate of one is an error; nil means all
}

// isEssential reports whether the meaning of the member with this name must be unambiguous. Case is ignored.
func (want reply) isEssential(name string) bool {
	return want.members == nil || slices.ContainsFunc(want.members, func(m string) bool { return strings.EqualFold(m, name) })
}

// answer is a response with a status of 2xx, read as one JSON object.
type answer struct {
	compact.Object
	resp    *fetch.Response // as the server sent it
	form    bool            // it was form-encoded, so all values are strings
	secrets secrets         // that must not be in an error text
}

// flawed returns an *Error that matches ErrBadResponse. problem says what is wrong with the response.
func (a *answer) flawed(problem string) *Error {
	return a.because(fmt.Errorf("%w: %s", ErrBadResponse, problem))
}

// because returns an *Error with the response, so that no part of it is lost. flaw matches ErrBadResponse.
func (a *answer) because(flaw error) *Error {
	f := failureOf(a.Object)
	e := errorOf(a.resp, a.Object, failure{description: f.description, uri: f.uri}, a.secrets)
	e.flaw = flaw
	return e
}

// read reads a response of an endpoint. It accepts JSON with any Content-Type, because many servers send JSON as text,
// although RFC 6749, Section 5.1, requires application/json. There are these cases:
//
//	a status of 2xx, and what want requires      the answer
//	a status of 2xx, and anything else           an *Error, with what could be read
//	a status of 2xx, and an error                an *Error; with what could be read, if that includes want.required
//	another status                               an *Error
//
// The parts that could be read are returned with an error, because they may be a token or a registered client. sent has the
// secrets of the request, which are never in an error text.
func (c *Client) read(ctx context.Context, want reply, resp *fetch.Response, sent secrets) (*answer, error) {
	body := readBody(resp, want)
	known := sent.with(secretsIn(body.object, maxProblemDepth)...)
	f := failureOf(body.object)
	if resp.Status/100 != 2 {
		f.code = cmp.Or(f.code, firstText(body.object, "code"))
		return nil, errorOf(resp, body.object, f, known)
	}
	a := &answer{Object: body.object, resp: resp, form: body.form, secrets: known}
	value, _ := body.object.Get(want.required)
	complete := !value.IsAbsent(compact.KindString)
	if complete && f.other && want.required != "access_token" { // such a member may mean something else
		f.failed = false
	}
	switch {
	case f.failed && !complete:
		return nil, errorOf(resp, body.object, f, known)
	case f.failed:
		return a, errorOf(resp, body.object, f, known)
	case want.required == "":
	case body.fault != nil:
		return a, a.because(fmt.Errorf("%w: %w", ErrBadResponse, body.fault))
	case !complete:
		return a, a.flawed(want.name + ": " + want.required + " is missing")
	}
	if !slices.Contains(want.statuses, resp.Status) {
		c.report(ctx, quirk.Quirk{Name: quirk.Status, Place: want.name, RFC: want.rfc})
	}
	if want.required != "" { // otherwise the body has no meaning
		c.quirks.add(ctx, body.quirks)
	}
	return a, nil
}

// body is the body of a response, as far as it could be read.
type body struct {
	object compact.Object
	form   bool
	fault  error // why object is not the whole body
	quirks []quirk.Quirk
}

// note adds a deviation to the quirks of b.
func (b *body) note(name quirk.Name, place, rfc string) {
	b.quirks = append(b.quirks, quirk.Quirk{Name: name, Place: place, RFC: rfc})
}

// readBody reads a body as a JSON object, or as a form if the Content-Type allows it. A fault that cannot change the meaning
// of the members in want removes only the member that has it.
func readBody(resp *fetch.Response, want reply) (b body) {
	text, marked := strings.CutPrefix(string(resp.Body), byteOrderMark)
	if marked {
		b.note(quirk.ByteOrderMark, want.name, "RFC 8259 section 8.1")
	}
	if b.form = isForm(resp, text); b.form {
		var dropped []quirk.Name
		var err error
		if text, dropped, err = jsonOfForm(text, want.isEssential); err != nil {
			b.fault = fmt.Errorf("%s: %w", want.name, err)
		}
		for _, name := range dropped {
			b.note(name, want.name+" member", want.rfc)
		}
		b.note(quirk.FormEncoded, want.name, want.rfc)
	}
	object, faults, err := compact.ParseDocument(text, maxDepth)
	switch {
	case err != nil:
		b.object, b.fault = salvaged(text), fmt.Errorf("%s: expected a JSON object, received %s: %w", want.name, described(resp), err)
		return b
	case len(faults) == 0:
		b.object = object
		return b
	}
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		fault := faults[name]
		if want.isEssential(name) {
			b.object, b.fault = salvaged(text), fmt.Errorf("%s: %w", want.name, fault)
			return b
		}
		b.note(quirkOfFault(fault), want.name+" member", "RFC 8259 section 4")
	}
	b.object = object
	return b
}

// described describes a body that cannot be read, without quoting it.
func described(resp *fetch.Response) string {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return fmt.Sprintf("%d bytes with Content-Type %q", len(resp.Body), clip(mediaType))
}

// quirkOfFault returns the quirk for a member that compact.ParseDocument dropped.
func quirkOfFault(fault error) quirk.Name {
	if compact.IsDuplicate(fault) {
		return quirk.DuplicateMember
	}
	return quirk.InvalidValue
}

// isForm reports whether a body is form-encoded. Servers that send one call it a form or text.
func isForm(resp *fetch.Response, text string) bool {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	text = strings.TrimLeft(text, " \t\r\n")
	isText := mediaType == "application/x-www-form-urlencoded" || mediaType == "text/plain"
	return isText && text != "" && !strings.ContainsAny(text[:1], "{[<\"")
}

// errorOf returns a response as an *Error. object is the parsed body, which may be empty. known are the secrets that must
// not be in its text.
func errorOf(resp *fetch.Response, object compact.Object, f failure, known secrets) *Error {
	e := &Error{
		Code: f.code, Description: f.description, URI: f.uri, Status: resp.Status,
		Challenge:  strings.Join(resp.Header.Values("WWW-Authenticate"), ", "),
		RetryAfter: fetch.ParseRetryAfter(resp.Header.Get("Retry-After"), time.Now()),
		Body:       keptOf(resp),
	}
	e.mfaToken, _ = object.OptionalText("mfa_token")
	e.explain(known)
	return e
}

// keptOf returns the part of a body that an Error keeps. A successful response may have a token at a place that this package
// does not know, so it is kept whole unless it is a web page.
func keptOf(resp *fetch.Response) []byte {
	isPage := bytes.HasPrefix(bytes.TrimLeft(resp.Body, byteOrderMark+" \t\r\n"), []byte("<"))
	if resp.Status/100 == 2 && !isPage {
		return bytes.Clone(resp.Body)
	}
	return bytes.Clone(resp.Body[:min(len(resp.Body), maxErrorBody)])
}
