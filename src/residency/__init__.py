"""residency: is observed traffic consistent with what was declared about where data is kept?"""
