Cloister.main()
