package serve

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
)

// Limits of the header fields for the API. Their sum leaves room in the 4 KiB in which nginx reads the header of a response.
const (
	maxClaimHeaders = 32
	maxClaimValue   = 1 << 10 // bytes of one value
	maxClaimValues  = 2 << 10 // bytes of all values of a request
)

// encodePercent percent-encodes every byte of a value that is not unreserved (RFC 3986 section 2.3).
const encodePercent = "percent"

// claimHeader is a header field for the API.
type claimHeader struct {
	name   string // in canonical form
	claim  string // a path, or one of the names of known
	encode string
}

// errValue is the class of errors about claims that cannot be the value of a header field.
var errValue = errors.New("a claim cannot be sent as a header field")

// newClaimHeaders returns the header fields of a configuration, sorted by name.
func newClaimHeaders(headers map[string]headerConfig) ([]claimHeader, error) {
	var list []claimHeader
	var faults []error
	if len(headers) > maxClaimHeaders {
		faults = append(faults, fmt.Errorf("headers: %d names, expected at most %d", len(headers), maxClaimHeaders))
	}
	for name, header := range headers {
		h := claimHeader{http.CanonicalHeaderKey(name), header.Claim, header.Encode}
		if err := h.fault(); err != nil {
			faults = append(faults, fmt.Errorf("headers: %s: %w", name, err))
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b claimHeader) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(list); i++ {
		if list[i].name == list[i-1].name {
			faults = append(faults, fmt.Errorf("headers: %s is repeated in another spelling", list[i].name))
		}
	}
	return list, errors.Join(faults...)
}

// fault returns why h is invalid, or nil. Only names that begin with X- are accepted, and none that a proxy uses, because a
// header field that has another meaning must not be overwritten.
func (h claimHeader) fault() error {
	name, found := strings.CutPrefix(h.name, "X-")
	switch {
	case !found || name == "" || strings.Trim(name, alphanumeric+"-") != "":
		return errors.New("the name must begin with X- and contain only letters, digits and hyphens")
	case strings.HasPrefix(name, "Forwarded-"), strings.HasPrefix(name, "Original-"), strings.HasPrefix(name, "Envoy-"),
		name == "Real-Ip", slices.Contains(overrides(), spelling(h.name)):
		return errors.New("the name is one that proxies and frameworks use, expected one such as X-Auth-Subject")
	case h.claim == "":
		return errors.New("the claim is empty")
	case strings.HasPrefix(h.claim, "$") && known(h.claim) == nil:
		return fmt.Errorf("%s is unknown, expected $subject, $issuer, $client, $principal, $scopes, $roles or the path of a claim", h.claim)
	case h.encode != "" && h.encode != encodePercent:
		return fmt.Errorf("encode is %q, expected %s", h.encode, encodePercent)
	}
	return nil
}

// known returns a function that reads what the kit determines from the claims of a token and its profile, or nil.
func known(name string) func(*consumer.Token) any {
	switch name {
	case "$subject":
		return func(t *consumer.Token) any { return t.Subject() }
	case "$issuer":
		return func(t *consumer.Token) any { return t.Issuer() }
	case "$client":
		return func(t *consumer.Token) any { return t.ClientID() }
	case "$principal":
		return func(t *consumer.Token) any { return t.Principal().String() }
	case "$scopes":
		return func(t *consumer.Token) any { return strings.Join(t.Scopes(), " ") } // a scope contains no space
	case "$roles":
		return func(t *consumer.Token) any { return anyStrings(t.Roles()) }
	}
	return nil
}

func anyStrings(list []string) []any {
	values := make([]any, len(list))
	for i, s := range list {
		values[i] = s
	}
	return values
}

// claims is the payload of a token, with exact numbers. It is decoded once for each cached token and must not be changed.
type claims map[string]any

// UnmarshalJSON implements [json.Unmarshaler].
func (c *claims) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode((*map[string]any)(c))
}

// setClaims sets every header field in h, to an empty value if the token lacks the claim. So a proxy that copies the fields
// overwrites those of the client. If it returns an error, it has changed nothing.
func setClaims(h http.Header, headers []claimHeader, t *consumer.Token) error {
	values, size := make([]string, len(headers)), 0
	for i, header := range headers {
		value, err := header.of(t)
		if err != nil {
			return fmt.Errorf("%w: %s (headers)", err, header.name)
		}
		values[i] = value
		size += len(value)
	}
	if size > maxClaimValues {
		return fmt.Errorf("%w: all values together have %d bytes, expected at most %d (headers)", errValue, size, maxClaimValues)
	}
	for i, header := range headers {
		h[header.name] = []string{values[i]}
	}
	return nil
}

// of returns the value of the header field for t.
func (h claimHeader) of(t *consumer.Token) (string, error) {
	var value any
	if read := known(h.claim); read != nil {
		value = read(t)
	} else {
		all, err := consumer.ClaimsAs[claims](t)
		if err != nil {
			return "", fmt.Errorf("%w: %w", errValue, err)
		}
		value = claimAt(all, h.claim)
	}
	text, err := h.text(value)
	if err != nil {
		return "", err
	}
	if len(text) > maxClaimValue {
		return "", fmt.Errorf("%w: the value has %d bytes, expected at most %d", errValue, len(text), maxClaimValue)
	}
	return text, nil
}

// claimAt returns the claim whose name is path or, if there is none, the value to which the names between the dots of path
// lead, like middleware.Role. It returns nil if there is neither.
func claimAt(all claims, path string) any {
	if value, ok := all[path]; ok {
		return value
	}
	var value any = map[string]any(all)
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any) // nil, and so without members, if value is not an object
		value = object[name]
	}
	return value
}

// text returns value as text. The elements of a list are joined with commas, so without an encoding no element may contain
// one.
func (h claimHeader) text(value any) (string, error) {
	list, isList := value.([]any)
	if !isList {
		return h.scalar(value)
	}
	texts := make([]string, len(list))
	for i, element := range list {
		text, err := h.scalar(element)
		if err != nil {
			return "", err
		}
		if text == "" || strings.Contains(text, ",") {
			return "", fmt.Errorf("%w: an element of the list is empty or contains a comma (encode)", errValue)
		}
		texts[i] = text
	}
	return strings.Join(texts, ","), nil
}

// scalar returns a string, a number or a boolean as text.
func (h claimHeader) scalar(value any) (string, error) {
	var text string
	switch value := value.(type) {
	case nil:
		return "", nil
	case string:
		text = value
	case json.Number:
		text = value.String()
	case bool:
		text = strconv.FormatBool(value)
	default:
		return "", fmt.Errorf("%w: the value is an object or a list of lists", errValue)
	}
	if h.encode == encodePercent {
		return percentEncode(text), nil
	}
	if !isPrintable(strings.ReplaceAll(text, " ", "")) || strings.Trim(text, " ") != text {
		return "", fmt.Errorf("%w: the value has characters other than printable ASCII, or a space at an end (encode)", errValue)
	}
	return text, nil
}

// percentEncode encodes every byte of s that is not unreserved (RFC 3986 section 2.3). [url.PathUnescape] decodes the result.
func percentEncode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
