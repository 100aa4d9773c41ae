//go:build !unix

package obs

// cpuSeconds is not known here.
func cpuSeconds() float64 { return 0 }

// residentBytes is not known here.
func residentBytes() float64 { return 0 }
