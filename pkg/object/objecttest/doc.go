// Package objecttest is what every object.Bucket has to pass, drivers and decorators alike, and what breaks them on
// purpose. A driver's test is
//
//	func TestConformance(t *testing.T) {
//		objecttest.Run(t, func(t testing.TB) object.Bucket { return mem.New() })
//	}
//
// WithFaults and WithDelay are decorators for tests of what is above a bucket.
package objecttest
