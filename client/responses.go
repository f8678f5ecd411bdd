package client

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// outerMember is the member that has what surrounds the object of a NestedToken.
const outerMember = "outer"

// NestedToken returns a function for [Config.ReadResponse]. The function reads the token from the object in the given member
// of the response. Slack, for example, sends the token of a user in the member authed_user:
//
//	{"ok": true, "access_token": "xoxb-1", "authed_user": {"id": "U1", "access_token": "xoxp-1", "token_type": "user"}}
//
// With the member "authed_user", the token is xoxp-1, and Token.Extra("id") is U1. The other members of the response
// describe something else, here the bot of the application, so they are not read as members of the token.
// Token.Extra("outer") has all of them, including xoxb-1.
//
// If the object is missing or has no access_token, but there is an access_token elsewhere, the function returns an error,
// because that is the token of another party. In the response to a refresh, the token may also be in its usual place.
// Responses that report an error, and those without any access_token, are not changed.
func NestedToken(member string) func(TokenResponse) (TokenResponse, error) {
	return func(r TokenResponse) (TokenResponse, error) {
		outer := membersOf(r.Body)
		if r.Status/100 != 2 || reportsError(outer) {
			return r, nil
		}
		inner := membersOf(outer[member])
		switch _, taken := inner[outerMember]; {
		case inner["access_token"] == nil && r.GrantType != grantRefreshToken && bytes.Contains(r.Body, []byte("access_token")):
			return TokenResponse{}, &convertError{fmt.Sprintf("NestedToken: an access_token is in the response, but not in an object in the member %q", member)}
		case inner["access_token"] == nil:
			return r, nil
		case taken:
			return TokenResponse{}, &convertError{fmt.Sprintf("NestedToken: the object in the member %q has a member %q", member, outerMember)}
		}
		delete(outer, member)
		around, err := encoded(outer)
		if err == nil {
			inner[outerMember] = around
			r.Body, err = encoded(inner)
		}
		return r, err
	}
}

// convertError is an error of a function of this package for [Config.ReadResponse]. Its text has no part of the response, so
// it is printed.
type convertError struct{ text string }

// Error returns the text.
func (e *convertError) Error() string { return "client: " + e.text }

// reportsError reports whether the client reads a response with these members as an error.
func reportsError(members map[string]json.RawMessage) bool {
	var code string
	return json.Unmarshal(members["error"], &code) == nil && code != ""
}

// membersOf returns the members of a JSON object, without those that are null. It returns nil if text is not an object, or
// has a member twice, so that it can be read in two ways.
func membersOf(text []byte) (members map[string]json.RawMessage) {
	if _, err := compact.ParseObject(string(text), maxDepth); err != nil {
		return nil
	}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil
	}
	for name, value := range members {
		if string(value) == "null" {
			delete(members, name)
		}
	}
	return members
}

// encoded returns members as a JSON object. It does not escape characters for HTML, which could make the body much longer.
func encoded(members map[string]json.RawMessage) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(members)
	return bytes.TrimSpace(body.Bytes()), err
}
