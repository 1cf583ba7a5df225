"""From a frame to pictures and findings: zones, blur, evidence, the looks of the last hour."""
