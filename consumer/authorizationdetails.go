package consumer

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/bearerkit/bearerkit/internal/compact"
)

const detailsClaim = "authorization_details" // RFC 9396 section 9

// AuthorizationDetail has the fields that RFC 9396 section 2.2 defines for all types of authorization details. For a type
// with more fields, embed it in a struct of your own, and pass that struct to [AuthorizationDetailsAs].
//
// The object grants every one of its actions, on every one of its data types, at every one of its locations. Several
// objects of one type are separate grants: do not combine the actions of one with the locations of another.
type AuthorizationDetail struct {
	// Type says which other members the object has, and what all of them mean. It is never empty.
	Type string `json:"type"`

	// Locations are the resources or APIs, usually as URLs. Nil: the object does not limit them.
	Locations []string `json:"locations"`

	// Actions are what the client may do.
	Actions []string `json:"actions"`

	// DataTypes are the kinds of data, from the member `datatypes`.
	DataTypes []string `json:"datatypes"`

	// Identifier names one resource of the API.
	Identifier string `json:"identifier"`

	// Privileges are the levels of privilege.
	Privileges []string `json:"privileges"`
}

// AuthorizationDetailsAs decodes the elements of `authorization_details` whose `type` is typ into values of type T, in
// their order (RFC 9396 section 9). It compares types byte for byte. Elements of other types grant nothing to an API that
// does not know them, so they are skipped. The result is empty if the token has no such element. Values are decoded as in
// [Token.Decode], on each call; the caller may change them.
//
// The error is an [*Error] with ReasonClaims if the claim is not an array of objects with a `type`, whatever typ is, or if
// an element does not fit T. Then the result is nil: an API must not use a part of a grant.
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

// HasAuthorizationDetail reports whether one element of `authorization_details` has the type typ and contains all of the
// actions in its `actions` (RFC 9396 section 2.2). It compares byte for byte, without Unicode normalization (section
// 12). Actions of several elements are not combined, because each element limits its actions to its own locations and
// data. Without actions, the type suffices.
//
// The error is an [*Error] with ReasonClaims if the claim is not an array of objects with a `type`. An element whose
// `actions` is not an array of strings has no actions. HasAuthorizationDetail allocates only in the first call for a
// token. It does not compare the other members: use [AuthorizationDetailsAs].
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
