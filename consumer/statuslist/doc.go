// Package statuslist checks the status of tokens in Token Status Lists (draft-ietf-oauth-status-list-21).
//
// The issuer of such tokens publishes one signed list with the statuses of many tokens. The claim `status` of a token names the
// list and an index in it. The API fetches each list every few minutes, and then rejects the tokens that it revokes.
//
//	lists, err := statuslist.New(statuslist.Config{Issuer: issuer})
//
//	consumer.Config{Issuer: issuer, Status: lists, …}
//
// A token passes if its status is [Valid]. All other statuses reject it, unless Config.AlsoActive lists them. A token without a
// reference to a list is rejected, unless Config.InsecureAcceptUnlisted is set.
//
// A list is fetched for the first token that refers to it, cached, and fetched again before it is due. The token must have been
// verified: a Consumer checks the status last, so unverified tokens cause no fetch. If there is no list that may still be used,
// [Lists.Active] returns an error and the Guard responds with 503.
//
// A list is signed with a key of the issuer, or of another party that Config.ListIssuer or Config.Keys names. It must be at one
// of Config.URLs, by default on the server of the issuer. Its `sub` must equal the URL byte by byte. A list is never replaced by
// an older one, nor by one that is not valid.
//
// Lists in the CWT format (CBOR), and requests for the status at another time (section 8.4 of the draft), are not supported.
// Use package store to combine a Lists with other statuses: store.All(lists, denyList).
package statuslist
