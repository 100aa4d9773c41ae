package front

import (
	"net/http"
	"strings"
)

// There is one owner, who has full control. What says so is taken, what says something else is not supported.

const aclDocument = `<AccessControlPolicy xmlns="` + namespace + `"><Owner><ID>` + ownerID + `</ID><DisplayName>` + ownerName +
	`</DisplayName></Owner><AccessControlList><Grant><Grantee xmlns:xsi="` + xsiNamespace + `" xsi:type="CanonicalUser"><ID>` + ownerID +
	`</ID><DisplayName>` + ownerName + `</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>`

const xsiNamespace = "http://www.w3.org/2001/XMLSchema-instance"

// isACL reports whether a request is for an ACL.
func isACL(r *http.Request) bool {
	return r.URL.RawQuery == "acl" || strings.HasPrefix(r.URL.RawQuery, "acl=") || r.URL.Query().Has("acl")
}

// putACL takes an ACL that changes nothing.
func putACL(_ *Front, r *http.Request, _ string) *Failure {
	if r.Header.Get("X-Amz-Acl") != "" { // others than the owner's are refused for all requests
		return nil
	}
	b, failed := readBody(r)
	if failed != nil {
		return failed
	}
	var acl struct {
		Owner             struct{ ID string }
		AccessControlList *struct {
			Grant []struct {
				Grantee struct {
					ID, URI      string
					EmailAddress string
				}
				Permission string
			}
		}
	}
	if failed := decode(b, "AccessControlPolicy", &acl); failed != nil {
		return failed
	}
	if acl.AccessControlList == nil {
		return malformed
	}
	if acl.Owner.ID != "" && acl.Owner.ID != ownerID || len(acl.AccessControlList.Grant) != 1 {
		return aclDisabled
	}
	g := acl.AccessControlList.Grant[0]
	if g.Permission != "FULL_CONTROL" || g.Grantee.ID != ownerID || g.Grantee.URI != "" || g.Grantee.EmailAddress != "" {
		return aclDisabled
	}
	return nil
}
