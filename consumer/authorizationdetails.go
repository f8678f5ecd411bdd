package consumer

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/bearerkit/bearerkit/internal/compact"
)

const detailsClaim = "authorization_details" // RFC 9396 section 9

// AuthorizationDetail is one element of `authorization_details`, with the members that RFC 9396 section 2.2 defines for all
// types. If a type has more members, embed AuthorizationDetail in a struct of your own, and pass that struct to
// [AuthorizationDetailsAs].
//
// An element grants all of its actions, on all of its data types, at all of its locations. Several elements of one type are
// separate grants: do not combine the actions of one with the locations of another.
type AuthorizationDetail struct {
	// Type is the kind of grant. It defines which other members the element has, and what they mean. It is never empty in an
	// element of a token.
	Type string `json:"type"`

	// Locations are the resources or APIs at which the grant applies, usually as URLs. Nil: the element has no `locations`.
	Locations []string `json:"locations"`

	// Actions are the actions that the client may take, such as read. Nil: the element has no `actions`.
	Actions []string `json:"actions"`

	// DataTypes are the kinds of data that the client may access, from the member `datatypes`. Nil: the element has none.
	DataTypes []string `json:"datatypes"`

	// Identifier identifies one resource of the API. Empty: the element has no `identifier`.
	Identifier string `json:"identifier"`

	// Privileges are the levels of privilege that the client has. Nil: the element has no `privileges`.
	Privileges []string `json:"privileges"`
}

// AuthorizationDetailsAs decodes the elements of `authorization_details` whose `type` equals typ, byte for byte, into values
// of type T, for example [AuthorizationDetail] (RFC 9396 section 9). It keeps their order and skips elements of other types.
// The result is empty if the token has no such element. Values are decoded as by [Token.Decode], on each call; the caller may
// change them.
//
// The error is an [*Error] with ReasonClaims if the claim is not an array of objects that all have a `type`, or if an element
// with the type typ cannot be decoded into T. The result is then nil, because an API must not use a part of a grant.
func AuthorizationDetailsAs[T any](t *Token, typ string) ([]T, error) {
	found, err := t.authorizationDetails()
	if err != nil {
		return nil, err
	}
	var list []T
	for _, d := range found {
		if d.typ != typ {
			continue
		}
		var value T
		if err := d.object.Decode(&value); err != nil {
			return nil, &Error{
				Reason: ReasonClaims, Issuer: t.issuer, Err: err, safe: detailSafe,
				Detail: "an element of " + detailsClaim + " does not fit its Go type",
			}
		}
		list = append(list, value)
	}
	return list, nil
}

// HasAuthorizationDetail reports whether `authorization_details` has one element whose `type` is typ and whose `actions`
// contain all of the given actions (RFC 9396 section 2.2). If no actions are given, it compares only the type. It compares
// byte for byte, without Unicode normalization (section 12). It does not combine the actions of several elements, because each
// element limits its actions to its own locations and data. It does not read the other members: use [AuthorizationDetailsAs]
// for these.
//
// The error is an [*Error] with ReasonClaims if the claim is not an array of objects that all have a `type`. An element whose
// `actions` is not an array of strings has no actions. HasAuthorizationDetail allocates only in the first call for a token.
func (t *Token) HasAuthorizationDetail(typ string, actions ...string) (bool, error) {
	found, err := t.authorizationDetails()
	if err != nil {
		return false, err
	}
	for i := range found {
		if found[i].typ == typ && found[i].hasAll(actions) {
			return true, nil
		}
	}
	return false, nil
}

// authorizationDetail is one element of `authorization_details`.
type authorizationDetail struct {
	typ     string
	actions []string // nil if the element has none
	object  compact.Object
}

// hasAll reports whether d contains all of the actions.
func (d *authorizationDetail) hasAll(actions []string) bool {
	for _, action := range actions {
		if !slices.Contains(d.actions, action) {
			return false
		}
	}
	return true
}

// readDetails is the type under which authorizationDetails stores its results.
type readDetails struct {
	list  []authorizationDetail
	fault string // empty: the claim is well-formed, or absent
}

// authorizationDetails returns the elements of the claim. They are read when they are used for the first time, because
// most APIs use none. The result is shared: the caller must not change it.
func (t *Token) authorizationDetails() ([]authorizationDetail, error) {
	key := reflect.TypeFor[readDetails]()
	known, ok := t.cachedClaims(key)
	if !ok {
		var read readDetails
		read.list, read.fault = t.readDetails()
		t.cacheClaims(key, read)
		known = read
	}
	read := known.(readDetails) //nolint:errcheck // only a readDetails is stored under its type
	if read.fault != "" {
		return nil, &Error{Reason: ReasonClaims, Issuer: t.issuer, Detail: read.fault, safe: detailSafe}
	}
	return read.list, nil
}

// readDetails reads the claim. It rejects the whole claim if one element is malformed: it is then not clear what the
// issuer meant to grant. fault says what is wrong, without quoting the claim.
func (t *Token) readDetails() (list []authorizationDetail, fault string) {
	claim, ok := t.claims.Get(detailsClaim)
	if !ok || claim.Kind() == compact.KindNull {
		return nil, ""
	}
	if claim.Kind() != compact.KindArray {
		return nil, detailsClaim + " is of type " + claim.Kind().String() + ", expected an array"
	}
	for element := range claim.Elements() {
		object, ok := element.Object()
		typ := textOf(object, "type")
		if !ok || typ == "" {
			return nil, fmt.Sprintf("element %d of %s is not an object with a type (RFC 9396 section 2)", len(list), detailsClaim)
		}
		actions, _ := object.Get("actions")
		names, _ := actions.Strings()
		list = append(list, authorizationDetail{typ, names, object})
	}
	return list, ""
}
